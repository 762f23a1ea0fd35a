"""Ground-truth haloes: peaks on a filter bank, homogeneous ellipsoidal collapse, exclusion and merging."""
