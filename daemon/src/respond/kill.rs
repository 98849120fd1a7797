//! Killing one container: `runsc --root ROOT kill --all ID KILL`, again with pauses if that did not work.

use std::ffi::OsStr;
use std::time::{Duration, Instant};

use tracing::warn;

use super::Target;
use super::outcome::Outcome;
use super::runsc::{Ended, call};
use crate::config;

/// The pause after the first try; it doubles after each.
const PAUSE: Duration = Duration::from_millis(100);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Kills a container, in as many tries as the settings allow.
pub(super) async fn kill(target: &Target, settings: &config::Kill) -> Outcome {
    let begin = Instant::now();
    let arguments = ["kill", "--all", target.container.as_str(), "KILL"].map(OsStr::new);
    let mut pause = PAUSE;
    let mut tries = 0_u32;
    loop {
        tries = tries.saturating_add(1);
        let ended = call(&target.runtime, &arguments, settings.timeout.get()).await;
        if let Ended::Done = ended {
            return Outcome::Killed { tries, took: begin.elapsed() };
        }
        if tries >= settings.attempts {
            return Outcome::KillFailed { tries, reason: ended.to_string() };
        }
        warn!(container = %target.container, tries, reason = %ended, "a container could not be killed, another try follows");
        tokio::time::sleep(pause).await;
        pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
    }
}
