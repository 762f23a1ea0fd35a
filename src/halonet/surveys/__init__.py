"""A box as a survey sees it: angular mask, selection in redshift, observed redshifts, randoms."""
