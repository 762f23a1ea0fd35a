"""What pyproject.toml cannot say: a wheel carries the default network, which a checkout has beside the package."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

NETWORK = "n-body"  # halonet.network.shipped.DEFAULT_NETWORK; a test holds the two together


class BuildWithNetwork(build_py):
    """Copies the network into the package that is built; an editable install finds it in the checkout."""

    def run(self) -> None:
        """Build, then copy."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib) / "halonet" / "shipped_networks" / NETWORK
            shutil.copytree(Path(__file__).parent / "networks" / NETWORK, target, dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithNetwork})
