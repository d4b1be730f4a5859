"""A start of an egress as LiveKit's message: version 1 of its API, which every worker knows.

A worker that is older than the unified StartEgress refuses it, and the lists of outputs have been there for longer than
any server that is still to be met.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from livekit.protocol import egress as pb
from livekit.protocol import models

from roomkeeper.api.recording_source import AudioMixing
from roomkeeper.domain.egress import AliOSSTarget, AzureTarget, GCPTarget, S3Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roomkeeper.api.recording_encoding import EncodingSpec
    from roomkeeper.api.recording_source import (
        ParticipantSpec,
        RoomCompositeSpec,
        WebSpec,
    )
    from roomkeeper.domain.egress import EgressRequest

Start = (
    pb.RoomCompositeEgressRequest
    | pb.ParticipantEgressRequest
    | pb.WebEgressRequest
    | pb.TrackEgressRequest
    | pb.TrackCompositeEgressRequest
)

_MIXING = {
    AudioMixing.DEFAULT: pb.AudioMixing.DEFAULT_MIXING,
    AudioMixing.DUAL_CHANNEL_AGENT: pb.AudioMixing.DUAL_CHANNEL_AGENT,
    AudioMixing.DUAL_CHANNEL_ALTERNATE: pb.AudioMixing.DUAL_CHANNEL_ALTERNATE,
}
_SUFFIXES = {
    "Index": pb.SegmentedFileSuffix.INDEX,
    "Timestamp": pb.SegmentedFileSuffix.TIMESTAMP,
}


def to_start(request: EgressRequest) -> tuple[str, Start]:
    """Return the method to call, and its message; ValueError for what must never be sent."""
    source = request.source
    if source.room_composite is not None:
        return "StartRoomCompositeEgress", _room_composite(request, source.room_composite)
    if source.participant is not None:
        return "StartParticipantEgress", _participant(request, source.participant)
    if source.web is not None:
        return "StartWebEgress", _web(request, source.web)
    if source.track is not None:
        return "StartTrackEgress", _track(request)
    return "StartTrackCompositeEgress", pb.TrackCompositeEgressRequest(
        room_name=request.room_name,
        audio_track_id=request.audio_track,
        video_track_id=request.video_track,
        **_encoded(request),
    )


def _room_composite(request: EgressRequest, room: RoomCompositeSpec) -> pb.RoomCompositeEgressRequest:
    return pb.RoomCompositeEgressRequest(
        room_name=request.room_name,
        layout=room.layout,
        audio_only=room.audio_only,
        video_only=room.video_only,
        audio_mixing=_MIXING[room.audio_mixing],
        custom_base_url=room.custom_base_url,
        **_encoded(request),
    )


def _participant(request: EgressRequest, participant: ParticipantSpec) -> pb.ParticipantEgressRequest:
    return pb.ParticipantEgressRequest(
        room_name=request.room_name,
        identity=participant.identity,
        screen_share=participant.screen_share,
        **_encoded(request),
    )


def _web(request: EgressRequest, web: WebSpec) -> pb.WebEgressRequest:
    return pb.WebEgressRequest(
        url=web.url,
        audio_only=web.audio_only,
        video_only=web.video_only,
        await_start_signal=web.await_start_signal,
        **_encoded(request),
    )


def _track(request: EgressRequest) -> pb.TrackEgressRequest:
    """Return a request whose media are taken as they come, so to a file or a websocket alone."""
    message = pb.TrackEgressRequest(
        room_name=request.room_name,
        track_id=request.audio_track or request.video_track,
        webhooks=_webhooks(request),
    )
    if request.file:
        message.file.CopyFrom(
            pb.DirectFileOutput(
                filepath=request.file.path, disable_manifest=request.disable_manifest, **_storage(request)
            )
        )
    else:
        message.websocket_url = request.websocket_url
    return message


def _encoded(request: EgressRequest) -> dict[str, Any]:
    """Return what the messages have in common whose media are encoded: at most one output of a kind."""
    return {
        "file_outputs": _files(request),
        "segment_outputs": _segments(request),
        "image_outputs": _images(request),
        "stream_outputs": _streams(request),
        "webhooks": _webhooks(request),
        **_encoding(request.encoding),
    }


def _files(request: EgressRequest) -> list[pb.EncodedFileOutput]:
    file = request.file
    if file is None:
        return []
    output = pb.EncodedFileOutput(
        filepath=file.path,
        file_type=file.type or None,
        disable_manifest=request.disable_manifest,
        **_storage(request),
    )
    return [output]


def _segments(request: EgressRequest) -> list[pb.SegmentedFileOutput]:
    hls = request.hls
    if hls is None:
        return []
    output = pb.SegmentedFileOutput(
        filename_prefix=hls.prefix,
        playlist_name=hls.playlist_name,
        live_playlist_name=hls.live_playlist_name,
        segment_duration=hls.segment_seconds,
        filename_suffix=_SUFFIXES[hls.suffix],
        disable_manifest=request.disable_manifest,
        **_storage(request),
    )
    return [output]


def _images(request: EgressRequest) -> list[pb.ImageOutput]:
    images = request.images
    if images is None:
        return []
    output = pb.ImageOutput(
        filename_prefix=images.prefix,
        capture_interval=images.interval_seconds,
        width=images.width,
        height=images.height,
        disable_manifest=request.disable_manifest,
        **_storage(request),
    )
    return [output]


def _streams(request: EgressRequest) -> list[pb.StreamOutput]:
    stream = request.stream
    if stream is None:
        return []
    return [pb.StreamOutput(protocol=stream.protocol, urls=stream.urls)]


def _webhooks(request: EgressRequest) -> list[models.WebhookConfig]:
    """Return the webhook of this egress alone. The error repeats no URL: it may hold a password."""
    if not request.webhook_url:
        return []
    if not request.signing_key:
        raise ValueError("a webhook of an egress needs the name of the API key that signs it")
    return [models.WebhookConfig(url=request.webhook_url, signing_key=request.signing_key)]


def _encoding(encoding: EncodingSpec | None) -> dict[str, Any]:
    """Return the one of two that is given; what stays open is the worker's to choose."""
    if encoding is None:
        return {}
    if encoding.preset is not None:
        return {"preset": encoding.preset}
    given = encoding.advanced
    if given is None:
        return {}
    options = pb.EncodingOptions(
        width=given.width,
        height=given.height,
        depth=given.depth,
        framerate=given.framerate,
        audio_codec=given.audio_codec,
        audio_bitrate=given.audio_bitrate_kbps,
        audio_frequency=given.audio_frequency_hertz,
        video_codec=given.video_codec,
        video_bitrate=given.video_bitrate_kbps,
        key_frame_interval=given.key_frame_interval_seconds,
    )
    return {"advanced": options}


def _storage(request: EgressRequest) -> dict[str, Any]:
    """Return where an output is put, under the name that every kind of output has for it; {}: the worker's own."""
    match request.target:
        case S3Target() as s3:
            return {"s3": _s3(s3, request.metadata)}
        case GCPTarget() as gcp:
            return {"gcp": pb.GCPUpload(credentials=gcp.credentials, bucket=gcp.bucket)}
        case AzureTarget() as azure:
            return {"azure": _azure(azure)}
        case AliOSSTarget() as ali:
            return {"aliOSS": _ali(ali)}
        case None:
            return {}


def _s3(target: S3Target, metadata: Mapping[str, str]) -> pb.S3Upload:
    return pb.S3Upload(
        access_key=target.access_key,
        secret=target.secret,
        session_token=target.session_token,
        assume_role_arn=target.assume_role_arn,
        region=target.region,
        endpoint=target.endpoint,
        bucket=target.bucket,
        force_path_style=target.force_path_style,
        metadata=metadata,
    )


def _azure(target: AzureTarget) -> pb.AzureBlobUpload:
    return pb.AzureBlobUpload(
        account_name=target.account_name,
        account_key=target.account_key,
        container_name=target.container,
    )


def _ali(target: AliOSSTarget) -> pb.AliOSSUpload:
    return pb.AliOSSUpload(
        access_key=target.access_key,
        secret=target.secret,
        region=target.region,
        endpoint=target.endpoint,
        bucket=target.bucket,
    )
