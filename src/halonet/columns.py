"""Columns of halo catalogues: one table drives reading, writing, HDF5 attributes and the documentation."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A property of a halo: dtype, unit and meaning."""

    name: str
    dtype: str
    unit: str
    description: str


COLUMNS = {
    column.name: column
    for column in (
        Column("qx", "f4", "Mpc", "Lagrangian centre, in [0, L)"),
        Column("qy", "f4", "Mpc", "Lagrangian centre, in [0, L)"),
        Column("qz", "f4", "Mpc", "Lagrangian centre, in [0, L)"),
        Column("x", "f4", "Mpc", "Eulerian centre at the output redshift, comoving, in [0, L)"),
        Column("y", "f4", "Mpc", "Eulerian centre at the output redshift, comoving, in [0, L)"),
        Column("z", "f4", "Mpc", "Eulerian centre at the output redshift, comoving, in [0, L)"),
        Column("vx", "f4", "km/s", "peculiar velocity, by 2LPT or the mean of the particles"),
        Column("vy", "f4", "km/s", "peculiar velocity, by 2LPT or the mean of the particles"),
        Column("vz", "f4", "km/s", "peculiar velocity, by 2LPT or the mean of the particles"),
        Column("radius", "f4", "Mpc", "Lagrangian radius"),
        Column("mass", "f8", "Msun", "mean matter density times Lagrangian volume"),
        Column("cells", "f8", "1", "Lagrangian volume in grid cells"),
        Column("raw_radius", "f4", "Mpc", "Lagrangian radius before overlaps were shared out"),
        Column("overdensity", "f4", "1", "mean linear overdensity within the raw radius"),
        Column("ellipticity", "f4", "1", "(l1 - l3) / (2 sum l) of the strain within the raw radius"),
        Column("prolateness", "f4", "1", "(l1 - 2 l2 + l3) / (2 sum l) of the strain within the raw radius"),
        Column("strain_1", "f4", "1", "largest eigenvalue of the strain within the raw radius"),
        Column("strain_2", "f4", "1", "middle eigenvalue of the strain within the raw radius"),
        Column("strain_3", "f4", "1", "smallest eigenvalue of the strain within the raw radius"),
        Column("filter_radius", "f4", "Mpc", "radius of the top-hat filter on which the peak was found"),
        Column("psi1_x", "f4", "Mpc", "first-order displacement, mean within the raw radius"),
        Column("psi1_y", "f4", "Mpc", "first-order displacement, mean within the raw radius"),
        Column("psi1_z", "f4", "Mpc", "first-order displacement, mean within the raw radius"),
        Column("psi2_x", "f4", "Mpc", "second-order displacement, mean within the raw radius"),
        Column("psi2_y", "f4", "Mpc", "second-order displacement, mean within the raw radius"),
        Column("psi2_z", "f4", "Mpc", "second-order displacement, mean within the raw radius"),
        Column("peak_threshold", "f4", "1", "probability threshold of the region the halo grew from"),
        Column("votes", "f4", "1", "probability of the cells that vote for the halo over its volume; complete: 1"),
        Column("centre_error", "f4", "Mpc", "scatter of the centre's votes along one axis"),
        Column("radius_error", "f4", "Mpc", "scatter of the radius over the halo's votes"),
        Column("m200m", "f8", "Msun", "mass within 200 times the mean density, measured or converted (notes: masses)"),
        Column("r200m", "f4", "Mpc", "comoving radius of that mass"),
        Column("m200c", "f8", "Msun", "mass within 200 times the critical density, measured or converted"),
        Column("r200c", "f4", "Mpc", "comoving radius of that mass"),
        Column("m500c", "f8", "Msun", "mass within 500 times the critical density, converted"),
        Column("r500c", "f4", "Mpc", "comoving radius of that mass"),
        Column("mvir", "f8", "Msun", "virial mass (Bryan & Norman 1998), converted"),
        Column("rvir", "f4", "Mpc", "comoving virial radius"),
        Column("scale_radius", "f4", "Mpc", "comoving scale radius of the NFW profile, by a concentration relation"),
        Column("velocity_dispersion", "f4", "km/s", "standard deviation of one component of the members' velocities"),
        Column("extent", "f4", "Mpc", "largest distance of a cell of the protohalo from the Lagrangian centre"),
        Column("axis_1", "f4", "Mpc", "largest semi-axis of the ellipsoid with the protohalo's tensor of inertia"),
        Column("axis_2", "f4", "Mpc", "middle semi-axis of that ellipsoid"),
        Column("axis_3", "f4", "Mpc", "smallest semi-axis of that ellipsoid"),
        Column("own_fraction", "f4", "1", "part of the cells within the Lagrangian radius that are the halo's own"),
    )
}
LAGRANGIAN = ("qx", "qy", "qz")
EULERIAN = ("x", "y", "z")
VELOCITY = ("vx", "vy", "vz")
REQUIRED = (*LAGRANGIAN, "radius", "mass", "cells")

# Of light cones. What a box has, too, has its meaning unless it is said here; the observer is at the origin.
LIGHT_CONE_COLUMNS = {
    column.name: column
    for column in (
        Column("ra", "f8", "deg", "right ascension, in [0, 360), from the x axis towards the y axis"),
        Column("dec", "f8", "deg", "declination, in [-90, 90], from the x-y plane towards the z axis"),
        Column("redshift", "f8", "1", "cosmological redshift, of the comoving distance"),
        Column("observed_redshift", "f8", "1", "redshift with the Doppler shift of the peculiar velocity"),
        Column("distance", "f8", "Mpc", "comoving distance"),
        Column("x", "f4", "Mpc", "comoving position when its light left the halo, from the observer"),
        Column("y", "f4", "Mpc", "comoving position when its light left the halo, from the observer"),
        Column("z", "f4", "Mpc", "comoving position when its light left the halo, from the observer"),
        *(COLUMNS[name] for name in ("vx", "vy", "vz", "radius", "mass", "cells")),
        Column("qx", "f4", "Mpc", "Lagrangian centre from the observer; images of a halo differ by whole boxes"),
        Column("qy", "f4", "Mpc", "Lagrangian centre from the observer; images of a halo differ by whole boxes"),
        Column("qz", "f4", "Mpc", "Lagrangian centre from the observer; images of a halo differ by whole boxes"),
        *(COLUMNS[name] for name in ("raw_radius", "overdensity", "ellipticity", "prolateness")),
    )
}
REQUIRED_OF_LIGHT_CONES = ("ra", "dec", "redshift", "observed_redshift", "distance", *EULERIAN, *VELOCITY, "mass")
