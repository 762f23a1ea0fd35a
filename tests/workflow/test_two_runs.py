"""Two runs at the same time: a second Snakemake on the same run is refused, one on another run is not disturbed."""

import shutil
import subprocess
import time


def start(workflow, settings, *arguments):
    # As a user starts it: with Snakemake's own lock.
    command = [part for part in workflow.command(*arguments) if part != "--nolock"]
    command[command.index(str(workflow.settings))] = str(settings)
    return subprocess.Popen(
        command,
        cwd=workflow.folder,
        env=workflow.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_second_snakemake_on_a_run_is_refused_and_another_run_beside_it_is_not(make_workflow):
    workflow = make_workflow()
    other = workflow.folder / "other.yaml"
    shutil.copy(workflow.settings, other)
    other.write_text(other.read_text().replace("name: tiny", "name: other"))
    targets = {name: f"results/{name}/ground_truth/000/density.h5" for name in ("tiny", "other")}

    first = start(workflow, workflow.settings, targets["tiny"])
    while not list((workflow.folder / ".snakemake/locks").glob("*.lock")):
        assert first.poll() is None, first.communicate()[0]
        time.sleep(0.05)
    beside = start(workflow, other, targets["other"])
    second = start(workflow, workflow.settings, targets["tiny"])
    said = second.communicate()[0]
    assert second.returncode
    assert "no other Snakemake process is trying to create the same files" in said
    for process in (first, beside):
        assert process.wait() == 0, process.communicate()[0]
    one, another = ((workflow.folder / name).read_bytes() for name in targets.values())
    assert one == another
    assert not list((workflow.folder / ".snakemake/locks").glob("*.lock"))
