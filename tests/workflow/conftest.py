"""The tiny run of a copy of the workflow, on this machine."""

import pytest
from checkout import TINY, Workflow


@pytest.fixture(scope="session")
def make_workflow(tmp_path_factory):
    def make(settings=TINY) -> Workflow:
        return Workflow(tmp_path_factory.mktemp("workflow") / "halonet", settings)

    return make


@pytest.fixture(scope="session")
def finished(make_workflow) -> Workflow:
    """A workflow whose tiny run has gone from random phases to the report; ``output`` is what it printed."""
    workflow = make_workflow()
    workflow.run("results/tiny/ground_truth/000/haloes.h5")  # two boxes at once would both compile the same kernels
    workflow.output = workflow.run().output
    return workflow
