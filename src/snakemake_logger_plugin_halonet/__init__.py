"""Snakemake's output as a report of progress; ``--logger halonet``, which the profiles give.

What is made, how far it is and how long still: a few lines that are renewed on a terminal, and a line now and then in
a file. The details stand in the jobs' logs and in ``.snakemake/log``. Dry runs, ``--verbose`` and ``--printshellcmds``
print what Snakemake prints.
"""

import logging
import sys
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text
from snakemake.logging import ColorizingTextHandler, DefaultFormatter
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

if TYPE_CHECKING:
    from halonet.workflow.run_progress import RunProgress

INTERVAL = 30.0  # seconds between two lines of progress in a file
# What a user has to know of what Snakemake says beside its errors.
WORTH_SAYING = ("Nothing to be done", "SLURM run ID", "Trying to restart job", "Will exit after finishing")


class LogHandler(LogHandlerBase):
    """Takes Snakemake's records in a thread of its own, after the filter that ``--quiet`` sets."""

    def __post_init__(self) -> None:
        settings = self.common_settings
        self.stream = sys.stdout if settings.stdout else sys.stderr
        self.progress: RunProgress | None = None
        self.live: Live | None = None
        self.cores: int | None = None
        self.ended = threading.Event()
        self.plain: ColorizingTextHandler | None = None
        if settings.dryrun or settings.verbose or settings.printshellcmds or settings.debug_dag:
            self.plain = ColorizingTextHandler(
                settings.nocolor, self.stream, DefaultFormatter(settings.quiet, settings.show_failed_logs)
            )

    @property
    def writes_to_stream(self) -> bool:
        """It takes the place of Snakemake's own output."""
        return True

    @property
    def writes_to_file(self) -> bool:
        """Snakemake goes on to write its log file."""
        return False

    @property
    def has_filter(self) -> bool:
        """Snakemake's filter knows what to be quiet about."""
        return False

    @property
    def has_formatter(self) -> bool:
        """Only the plain output has one."""
        return self.plain is not None

    @property
    def needs_rulegraph(self) -> bool:
        """The plan is not drawn."""
        return False

    def emit(self, record: logging.LogRecord) -> None:
        """Show what happened."""
        if self.plain:
            self.plain.emit(record)
            return
        event, fields = getattr(record, "event", None), cast(Any, record)  # on which Snakemake puts fields of its own
        if event == LogEvent.RESOURCES_INFO:
            self.cores = getattr(record, "cores", self.cores)
        elif event == LogEvent.RUN_INFO:
            self._begin(fields.stats)
        elif event == LogEvent.JOB_INFO and self.progress:
            log = fields.log[0] if fields.log else None
            self.progress.start(fields.jobid, fields.rule_name, dict(fields.wildcards), log)
        elif event == LogEvent.JOB_FINISHED and self.progress:
            self._say(self.progress.finish(fields.job_id))
        elif event == LogEvent.JOB_ERROR and self.progress:
            self._fail(self.progress, fields)
        elif event is None or event == LogEvent.ERROR:
            text = record.getMessage()
            if record.levelno >= logging.WARNING or text.startswith(WORTH_SAYING):
                self._say(text)

    def close(self) -> None:
        """The run is over."""
        if not self.ended.is_set():
            self.ended.set()
            if self.live:
                self.live.stop()
            if self.progress:
                self._say(_state(self.progress))
        super().close()

    def _begin(self, stats: dict[str, int]) -> None:
        # Not earlier: the Snakefile decides which checkout's package this process uses.
        from halonet.workflow import run_progress

        progress = self.progress = run_progress.RunProgress(stats, run_progress.costs, self.cores)
        self._say(progress.heading())
        if self.stream.isatty():
            screen = Console(file=self.stream, highlight=False)
            lines = partial(_lines, progress)
            self.live = Live(get_renderable=lines, console=screen, refresh_per_second=1, transient=True)
            self.live.start()
        else:
            threading.Thread(target=self._speak_now_and_then, args=(progress,), daemon=True).start()

    def _fail(self, progress: "RunProgress", record: Any) -> None:
        from halonet.workflow.run_log import FailedJob

        message = record.rule_msg or ""
        failed = FailedJob(record.rule_name, tuple(record.output), tuple(record.log), message.strip())
        self._say(progress.fail(record.jobid, failed))

    def _speak_now_and_then(self, progress: "RunProgress") -> None:
        while not self.ended.wait(INTERVAL):
            self._say(": ".join(filter(None, (_state(progress), "; ".join(progress.at_work())))))

    def _say(self, text: str | None) -> None:
        if text is None:
            return
        if self.live and self.live.is_started:
            self.live.console.print(text, markup=False, soft_wrap=True)
        else:
            print(text, file=self.stream, flush=True)


def _lines(progress: "RunProgress") -> Group:
    lines = [*(f"          {line}" for line in progress.at_work()), _state(progress)]
    return Group(*(Text(line, no_wrap=True, overflow="ellipsis") for line in lines))


def _state(progress: "RunProgress") -> str:
    return f"{progress.elapsed():>8}  {progress.summary()}"
