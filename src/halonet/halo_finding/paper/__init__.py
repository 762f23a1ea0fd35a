"""The paper's finder: connected regions of high probability grow into spheres (Berger & Stein 2018, section 4)."""
