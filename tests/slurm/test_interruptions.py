"""What clusters do to a run: memory, preemption, cancelled jobs, a dead Snakemake. The results stay the same."""

import signal
import subprocess

import psutil

BOXES = ("000", "001", "002")
HALOES = [f"ground_truth/{box}/haloes.h5" for box in BOXES]
LARGEST_MB = 3800  # that the profile lets a job ask for, of a node's 4000
WEIGHTS = "networks/tiny/model.weights.h5"


def last_step(workflow) -> int:
    folder = workflow.results / "networks/tiny/checkpoints"
    return max((int(path.stem.split("_")[1]) for path in folder.glob("step_*.h5")), default=0)


def test_a_job_killed_for_its_memory_asks_for_twice_as_much(workflow, finished):
    name = "predictions/tiny/002.h5"
    held = workflow.delete(name)
    run = workflow.start(workflow.target(name), "--config", "jobs={memory_factor: 0.1}").end()
    first, *others = run.jobs("rule_predict_mask")
    # Memory is watched by the node's daemon here; where the kernel does that, the state is OUT_OF_MEMORY.
    assert first["state"] == "FAILED"
    assert "exceeded memory limit" in run.output
    assert others[-1]["state"] == "COMPLETED"
    megabytes = [int(job["memory"].removesuffix("M")) for job in (first, *others)]
    assert megabytes == [megabytes[0] * 2**attempt for attempt in range(len(megabytes))]
    assert workflow.holds(held)


def test_a_job_cancelled_from_outside_ends_the_run_by_name_and_the_same_command_finishes_it(workflow, finished):
    held = workflow.delete(*HALOES)
    command = ("ground_truth", "--retries", 0)
    run = workflow.start(*command)
    victim = run.wait_for(lambda: [job for job in run.at_work() if job["comment"].endswith("_001")])[0]
    run.scancel(victim["id"])
    run.end(ok=False)
    for box in BOXES:
        assert (workflow.results / f"ground_truth/{box}/haloes.h5").exists() == (box != "001")
    last_words = run.output.split("1 job failed; the same command makes what is missing:")[1]
    assert "find_peak_patch_haloes made no" in last_words
    assert "ground_truth/001/haloes.h5" in last_words
    (state,) = (job["state"] for job in run.jobs() if job["id"] == victim["id"])
    # CANCELLED; or FAILED, if it had fallen to the same signal before its node heard of the cancellation.
    assert state in ("CANCELLED", "FAILED")
    assert f"SLURM status is: '{state}'" in last_words, last_words  # pytest would cut it short
    assert "logs/find_peak_patch_haloes/001.log" in last_words
    assert len(workflow.start(*command).end().jobs()) == 1
    assert workflow.holds(held)


def test_training_preempted_twice_ends_with_the_same_weights(workflow, finished):
    held = workflow.delete(WEIGHTS)
    run = workflow.start("training")
    log = workflow.results / "logs/train_network/tiny.log"

    job = run.wait_for(lambda: last_step(workflow) > 20 and run.running("rule_train_network"))[0]
    run.scancel("--signal=TERM", job["id"])
    run.wait_for(lambda: "interrupted at step" in log.read_text())
    reached = last_step(workflow)
    run.wait_for(lambda: last_step(workflow) > reached + 20)
    assert not (workflow.results / WEIGHTS).exists()
    assert "goes on from step" in log.read_text()
    kill_training(workflow)
    run.end()

    jobs = run.jobs("rule_train_network")
    assert [job["state"] for job in jobs] == ["FAILED", "FAILED", "COMPLETED"]
    # Twice as much memory with every attempt, up to what the profile says that a node has.
    asked = [int(job["memory"].removesuffix("M")) for job in jobs]
    assert asked[1] == 2 * asked[0]
    assert asked[2] == LARGEST_MB < 4 * asked[0]
    assert workflow.holds(held)


def kill_training(workflow):
    """SIGKILL the training itself, as a node does that takes a job away without notice."""
    script = str(workflow.folder / "workflow_scripts/train_network.py")
    for process in psutil.process_iter(["cmdline"]):
        if process.info["cmdline"] and process.info["cmdline"][1:2] == [script]:
            process.kill()


def test_ctrl_c_leaves_no_job_and_after_a_kill_the_documented_recovery_gives_the_same_results(
    workflow, finished, interrupt
):
    held = workflow.delete(*HALOES[:2])
    run = workflow.start("ground_truth")
    run.wait_for(run.running)
    interrupt(run, signal.SIGINT)
    assert not run.active()

    killed = workflow.start("ground_truth")
    killed.wait_for(killed.running)
    interrupt(killed, signal.SIGKILL)
    assert killed.active(), "jobs outlive the Snakemake that has submitted them"
    refused = workflow.start("ground_truth").end(ok=False)
    assert "cannot be locked" in refused.output
    environment = workflow.cluster | workflow.environment()
    subprocess.run(["slurm/recover", "tiny"], cwd=workflow.folder, env=environment, check=True)
    assert not killed.active()
    workflow.start("ground_truth").end()
    assert workflow.holds(held)
    assert "Nothing to be done" in workflow.start().end().output
