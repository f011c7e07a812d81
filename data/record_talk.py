"""Records the talk on the wheel: an MP3 with tags, and its subtitles."""

from __future__ import annotations

from pathlib import Path

import av
from spoken import RATE, Sound, as_srt, read_aloud

TALK = (
    (
        "Good afternoon. My name is Rupert Vane, and I look after the wheel of Osier Mill.",
        "I shall be short, because the bread is still warm.",
    ),
    (
        "Everybody asks me why the wheel turns so slowly.",
        "The rim goes at one and a half metres a second, which is a brisk walk.",
        "If the wheel went faster, the floats would throw out the water before its weight has done the work.",
    ),
    (
        "Now to the hatches.",
        "The seized spill hatch was freed in October 2021 by Nora Whitlock, a retired locksmith.",
        "She used paraffin, a blowlamp, and eleven days of patience.",
        "She would take no money, only a loaf every Saturday for a year.",
    ),
    (
        "In February 2025 we replaced the outer bearing of the wheel.",
        "The old brass was worn by five millimetres on one side.",
        "The new bearing is gunmetal, and it was cast by Greta Holm.",
        "Since then the wheel runs so quietly that you can hear the eels complain.",
    ),
    (
        "One more thing: keep your scarves away from the cogs.",
        "Thank you, and follow me to the bread.",
    ),
)
TAGS = {
    "title": "A talk on the wheel",
    "artist": "Rupert Vane",
    "album": "Osier Mill open days",
    "date": "2025-05-10",
    "genre": "Speech",
    "comment": "Open day, 10 May 2025, on the meal floor.",
}


def record_talk(target: Path) -> None:
    """Writes ``target``, an MP3 file, and the ``.srt`` beside it."""
    sound, told = read_aloud(TALK, pause_s=2.2)
    target.with_suffix(".srt").write_text(as_srt([said for part in told for said in part]), encoding="utf-8")
    with av.open(str(target), "w", format="mp3", options={"id3v2_version": "3"}) as container:
        container.metadata.update(TAGS)
        stream = container.add_stream("libmp3lame", rate=RATE, layout="mono")
        stream.bit_rate = 32_000
        for frame in frames_of(sound):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def frames_of(sound: Sound) -> list[av.AudioFrame]:
    """The sound in frames of a second, each with its time."""
    frames = []
    for start in range(0, len(sound), RATE):
        frame = av.AudioFrame.from_ndarray(sound[None, start : start + RATE], format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, start
        frames.append(frame)
    return frames
