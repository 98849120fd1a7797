//! The example of an embedding runtime, run as it stands against a recording.

#[allow(dead_code, reason = "a test has no main of its own")]
#[allow(unreachable_pub, reason = "an example is no module")]
#[path = "../examples/embed.rs"]
mod embed;

use std::path::Path;

#[tokio::test]
async fn the_example_convicts_its_own_container_whatever_the_recording_calls_itself() {
    let directory = tempfile::tempdir().unwrap();
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/corpus/2026/m_drop_exec_pool.trace.zst");
    let event = embed::run(directory.path(), trace).await.unwrap();
    let container = event.container.unwrap();
    assert_eq!(container.id, b"job-1");
    assert!(container.verified);
    assert_eq!(container.labels["user"], "alice");
    assert_eq!(container.labels["sluicebox.claimed"], "m_drop_exec_pool");
    assert_eq!(directory.path().read_dir().unwrap().count(), 0, "the socket file stays behind");
}
