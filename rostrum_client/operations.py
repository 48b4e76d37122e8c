"""Everything that a client can do, whichever client it is."""

from rostrum_client.admin import (
    create_schedule,
    dead_letters,
    delete_schedule,
    health,
    queue_info,
    removals,
    remove_dead_letter,
    remove_task,
    requeue_poison,
    retry_task,
    schedule,
    schedules,
    task,
    tasks,
)
from rostrum_client.artefacts import (
    captions,
    chapters,
    download_artefacts,
    instructor_tracking,
    partial_transcript,
    quality,
    rebuild_sidecar,
    sidecar,
    thumbnail,
    transcript,
)
from rostrum_client.corrections import (
    edit_transcript,
    import_transcript,
    restore_transcript,
    review_transcript,
    transcript_etag,
    transcript_versions,
)
from rostrum_client.effects import listing, operation
from rostrum_client.follow import events, wait
from rostrum_client.handing_over import download_package, manifest
from rostrum_client.jobs import cancel, deliveries, job, jobs, redeliver, retry, status, submit, trace
from rostrum_client.sessions import (
    delete_results,
    delete_session,
    download_media,
    media_url,
    process,
    search,
    session,
    sessions,
)
from rostrum_client.uploads import import_session, probe, send_file, upload
from rostrum_client.vocabularies import delete_vocabulary, put_vocabulary, vocabularies, vocabulary


class Operations:
    """The methods of `RostrumClient` and `AsyncRostrumClient`.

    An `operation` gives a value, a `listing` one after another.

    >>> sorted(job.status for job in client.jobs(active=False))
    ['DONE']
    """

    submit = operation(submit)
    job = operation(job)
    status = operation(status)
    jobs = listing(jobs)
    cancel = operation(cancel)
    retry = operation(retry)
    trace = operation(trace)
    deliveries = listing(deliveries)
    redeliver = operation(redeliver)

    wait = operation(wait)
    events = listing(events)

    upload = operation(upload)
    send_file = operation(send_file)
    import_session = operation(import_session)
    probe = operation(probe)

    sessions = listing(sessions)
    session = operation(session)
    process = operation(process)
    delete_session = operation(delete_session)
    delete_results = operation(delete_results)
    media_url = operation(media_url)
    download_media = operation(download_media)
    search = listing(search)

    transcript = operation(transcript)
    partial_transcript = operation(partial_transcript)
    transcript_versions = listing(transcript_versions)
    transcript_etag = operation(transcript_etag)
    edit_transcript = operation(edit_transcript)
    import_transcript = operation(import_transcript)
    restore_transcript = operation(restore_transcript)
    review_transcript = operation(review_transcript)
    chapters = operation(chapters)
    captions = operation(captions)
    instructor_tracking = operation(instructor_tracking)
    quality = operation(quality)
    sidecar = operation(sidecar)
    rebuild_sidecar = operation(rebuild_sidecar)
    thumbnail = operation(thumbnail)
    download_artefacts = operation(download_artefacts)
    download_package = operation(download_package)
    manifest = operation(manifest)

    queue_info = operation(queue_info)
    requeue_poison = operation(requeue_poison)
    dead_letters = listing(dead_letters)
    remove_dead_letter = operation(remove_dead_letter)
    tasks = listing(tasks)
    task = operation(task)
    retry_task = operation(retry_task)
    remove_task = operation(remove_task)
    removals = listing(removals)
    vocabularies = listing(vocabularies)
    vocabulary = operation(vocabulary)
    put_vocabulary = operation(put_vocabulary)
    delete_vocabulary = operation(delete_vocabulary)
    create_schedule = operation(create_schedule)
    schedules = listing(schedules)
    schedule = operation(schedule)
    delete_schedule = operation(delete_schedule)
    health = operation(health)
