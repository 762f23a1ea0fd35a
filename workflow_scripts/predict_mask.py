"""Predict the probability of every cell of a periodic box to belong to a halo: `halonet predict`."""

from halonet.command import predict
from halonet.command.parsing import run_script

if __name__ == "__main__":
    run_script(predict)
