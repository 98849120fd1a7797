//! The smallest trace session that a set of rules needs.
//!
//! Every trace point costs the workload microseconds, so a session asks for what some rule looks at, or what the
//! state must see for a field that some rule asks for, and nothing else. What is left out on purpose:
//!
//! - beginnings of calls: what counts is how they end (except where a release has a bug, see below);
//! - `close`: where every call that makes a descriptor is seen, a reused number tells as much;
//! - `read` and `write`: the dearest of all. A rhythm is seen through the socket calls; a program that speaks through
//!   write(2) is not heard, unless a rule looks at `write` by name;
//! - the working directory and credentials with every event, unless a rule asks: chdir(2) tells the former.
//!
//! Releases up to August 2026 take the context fields of a raw exit point from the enter point of the same call
//! (`task_syscall.go`), so there both are asked for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::event::{EventType, Sysno};
use crate::wire::schema::{Point, PointKind, Release, Stage, call_point, own_point, raw_point};

use super::fields::{FieldRef, Need};
use super::ruleset::{Rule, RuleSet, named_event_types};

/// How often the sentry tries again when the socket is full. A burst of large writes lost events with 8.
const RETRIES: u32 = 64;

/// Context that every event needs: without time, container and process there is nothing to attribute it to.
const CONTEXT: &[&str] = &[
    "time",
    "thread_id",
    "group_id",
    "thread_group_start_time",
    "container_id",
    "process_name",
    "parent_thread_group_id",
    "is_exec_session",
];

/// The session as runsc's `--pod-init-config` takes it, to be sent to the socket at `endpoint`.
#[must_use]
pub fn smallest(rules: &RuleSet, release: Release, endpoint: &str) -> Value {
    let needs = needs_of(rules.rules());
    let points: Vec<Value> = points_for(named_event_types(rules.rules()), &needs, release)
        .into_values()
        .map(|point| {
            let wanted = |name: &&str| {
                CONTEXT.contains(name)
                    || (*name == "cwd" && needs.contains(&Need::Cwd))
                    || (*name == "credentials" && needs.contains(&Need::Credentials))
            };
            let optional: Vec<&str> =
                point.optional_fields(release).filter(|name| is_needed(&point, name, &needs)).collect();
            let context: Vec<&str> = point.context_fields(release).filter(wanted).collect();
            json!({ "name": point.to_string(), "optional_fields": optional, "context_fields": context })
        })
        .collect();
    json!({
        "trace_session": {
            "name": "Default",
            // A name that a release does not know would else discard the whole session, without a word to us.
            "ignore_missing": true,
            "points": points,
            "sinks": [{ "name": "remote", "config": { "endpoint": endpoint, "retries": RETRIES } }],
        }
    })
}

/// The points that a rule alone would need, those of the rules that it waits for among them, by name; nothing if there
/// is no such rule.
#[must_use]
pub fn points(rules: &RuleSet, rule: &str, release: Release) -> Option<Vec<String>> {
    let place = rules.rules().iter().position(|known| *known.id == *rule)?;
    // What a match needs is what the matches need that it waits for; those cannot wait for one another.
    let mut places = vec![place];
    let mut needs = BTreeSet::new();
    let mut types = Some(BTreeSet::new());
    let mut at = 0_usize;
    while let Some(rule) = places.get(at).and_then(|place| rules.rules().get(*place)) {
        at = at.saturating_add(1);
        needs.extend(needs_of(std::slice::from_ref(rule)));
        types = types.zip(named_event_types(std::slice::from_ref(rule))).map(|(mut all, own)| {
            all.extend(own);
            all
        });
        for waited in rule.waits_for() {
            if !places.contains(&waited) {
                places.push(waited);
            }
        }
    }
    Some(points_for(types, &needs, release).into_keys().collect())
}

fn needs_of(rules: &[Rule]) -> BTreeSet<Need> {
    let fields = rules.iter().flat_map(|rule| &rule.used);
    fields.flat_map(|FieldRef { id, .. }| id.def().needs).copied().collect()
}

/// The optional fields that the state reads: where a descriptor of a directory leads, which socket or pipe one is that
/// came by a way that no event shows, and what the executable is.
fn is_needed(point: &Point, field: &str, needs: &BTreeSet<Need>) -> bool {
    match field {
        "binary_info" => true,
        "fd_info" => needs.contains(&Need::Terminal),
        "env" => needs.contains(&Need::Env),
        // SHA-1 as well would have the sentry do it all twice; whoever has lists of those asks for it by hand.
        "binary_sha256" => needs.contains(&Need::Digest),
        "fd_path" => match point.kind {
            PointKind::Call(call, _) => matches!(
                call.sysno,
                Sysno::OPENAT
                    | Sysno::FCHDIR
                    | Sysno::CONNECT
                    | Sysno::DUP
                    | Sysno::DUP2
                    | Sysno::DUP3
                    | Sysno::FCNTL
            ),
            PointKind::Own(_) | PointKind::Raw(..) => false,
        },
        _ => false,
    }
}

/// The points by name, so that none is asked for twice and their order is always the same.
fn points_for(
    types: Option<BTreeSet<EventType>>,
    needs: &BTreeSet<Need>,
    release: Release,
) -> BTreeMap<String, Point> {
    let mut points = BTreeMap::new();
    // Processes are the ground of everything.
    for name in ["container/start", "sentry/clone", "sentry/execve", "sentry/exit_notify_parent"] {
        add(&mut points, own_point(name, release));
    }
    let mut calls: BTreeSet<Sysno> = needs.iter().flat_map(|need| calls_for(*need)).copied().collect();
    match types {
        Some(types) => {
            for event in types {
                match event {
                    EventType::Syscall(sysno) => {
                        calls.insert(sysno);
                    }
                    EventType::ThreadExit => add(&mut points, own_point("sentry/task_exit", release)),
                    EventType::MapExec => add(&mut points, own_point("sentry/mmap", release)),
                    EventType::Container | EventType::ProcExit => {}
                }
            }
        }
        // A rule that looks at everything gets every call that has points of its own.
        None => calls.extend(crate::wire::schema::points(release).filter_map(|point| match point.kind {
            PointKind::Call(call, _) => Some(call.sysno),
            PointKind::Own(_) | PointKind::Raw(..) => None,
        })),
    }
    for sysno in calls {
        if is_told_by_the_sentry(sysno) {
            continue;
        }
        let exit = call_point(sysno, Stage::Exit, release);
        let is_raw = exit.is_some_and(|point| matches!(point.kind, PointKind::Raw(..)));
        add(&mut points, exit);
        if is_raw && release.raw_exit_needs_enter() {
            add(&mut points, raw_point(sysno, Stage::Enter));
        }
    }
    if needs.contains(&Need::Code) {
        add(&mut points, own_point("sentry/mmap", release));
    }
    if release < Release::R2026 {
        // The path as it was asked for, which names the process; later releases say it in sentry/execve.
        add(&mut points, call_point(Sysno::EXECVE, Stage::Enter, release));
        add(&mut points, call_point(Sysno::EXECVEAT, Stage::Enter, release));
    }
    points
}

fn add(points: &mut BTreeMap<String, Point>, point: Option<Point>) {
    if let Some(point) = point {
        points.insert(point.to_string(), point);
    }
}

/// Calls whose success the sentry's own points prove, with more than the call's exit says.
fn is_told_by_the_sentry(sysno: Sysno) -> bool {
    matches!(
        sysno,
        Sysno::EXECVE | Sysno::EXECVEAT | Sysno::CLONE | Sysno::CLONE3 | Sysno::FORK | Sysno::VFORK
    )
}

/// The calls that the state must see for a need. Calls that take a descriptor's number away are not among them.
fn calls_for(need: Need) -> &'static [Sysno] {
    match need {
        Need::Exec | Need::Credentials | Need::Cwd | Need::Terminal | Need::Env | Need::Digest => &[],
        // sentry/mmap tells it, where there is one: mmap(2) itself is far too frequent.
        Need::Code => &[],
        Need::Open => &[Sysno::OPEN, Sysno::OPENAT, Sysno::CREAT],
        Need::Provenance => &[
            Sysno::OPEN,
            Sysno::OPENAT,
            Sysno::CREAT,
            Sysno::CONNECT,
            Sysno::SOCKET,
            Sysno::ACCEPT,
            Sysno::ACCEPT4,
            Sysno::PIPE,
            Sysno::PIPE2,
            Sysno::SOCKETPAIR,
            Sysno::DUP,
            Sysno::DUP2,
            Sysno::DUP3,
            Sysno::CHDIR,
            Sysno::FCHDIR,
            Sysno::MEMFD_CREATE,
            // Rare, unlike sendfile(2), which a web server lives by and whose file was opened before our eyes.
            Sysno::SPLICE,
            Sysno::TEE,
            Sysno::RENAME,
            Sysno::RENAMEAT,
            Sysno::RENAMEAT2,
            Sysno::LINK,
            Sysno::LINKAT,
            Sysno::SYMLINK,
            Sysno::SYMLINKAT,
        ],
        Need::Connect => &[Sysno::CONNECT, Sysno::DUP, Sysno::DUP2, Sysno::DUP3],
        Need::Socket => &[Sysno::SOCKET, Sysno::CONNECT],
        Need::Send => &[Sysno::CONNECT, Sysno::SENDTO, Sysno::SENDMSG, Sysno::SENDMMSG],
        Need::Recv => &[Sysno::CONNECT, Sysno::RECVFROM, Sysno::RECVMSG],
        Need::Gpu => &[Sysno::OPEN, Sysno::OPENAT, Sysno::IOCTL],
        Need::Listen => &[Sysno::BIND],
        Need::Dup => &[Sysno::DUP, Sysno::DUP2, Sysno::DUP3],
        Need::Bind => &[Sysno::BIND],
        Need::Job => &[Sysno::SETSID, Sysno::SETPGID],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Thresholds, builtin, compile};

    fn names(session: &Value) -> Vec<String> {
        let points = session["trace_session"]["points"].as_array().unwrap();
        points.iter().map(|point| point["name"].as_str().unwrap().to_owned()).collect()
    }

    fn session_of(rules: &str, release: Release) -> Vec<String> {
        let compiled = compile(&[("test.yaml", rules)], Thresholds::default(), 1);
        names(&smallest(&compiled.rules.unwrap(), release, "/run/s.sock"))
    }

    #[test]
    fn a_rule_about_programs_asks_for_processes_alone() {
        let rules = "- rule: x\n  desc: d\n  condition: evt.type = execve and proc.name = x\n  output: o\n  priority: INFO\n";
        assert_eq!(
            session_of(rules, Release::R2026),
            ["container/start", "sentry/clone", "sentry/execve", "sentry/exit_notify_parent"]
        );
    }

    #[test]
    fn digests_of_programs_are_asked_for_only_where_a_rule_looks_at_them() {
        let asks = |condition: &str, release| {
            let rules =
                format!("- rule: x\n  desc: d\n  condition: {condition}\n  output: o\n  priority: INFO\n");
            let compiled = compile(&[("test.yaml", &rules)], Thresholds::default(), 1);
            smallest(&compiled.rules.unwrap(), release, "/run/s.sock").to_string().contains("binary_sha256")
        };
        let by_hash = "evt.type = execve and intel.hash.tags intersects (miner)";
        assert!(asks(by_hash, Release::R2026) && !asks(by_hash, Release::R2022));
        assert!(!asks("evt.type = execve and intel.bin.tags intersects (miner)", Release::R2026));
    }

    #[test]
    fn a_rule_needs_what_the_rules_need_that_it_waits_for() {
        let rule = |id: &str, what: &str| {
            format!("- rule: {id}\n  id: {id}\n  desc: d\n{what}  output: o\n  priority: INFO\n")
        };
        let file = [
            rule("bottom", "  condition: evt.type = ioctl\n"),
            rule("middle", "  sequence:\n    - match: [bottom]\n    - condition: evt.type = chdir\n"),
            rule("top", "  sequence:\n    - condition: evt.type = connect\n    - match: [middle]\n"),
        ];
        let rules = compile(&[("test.yaml", &file.concat())], Thresholds::default(), 1).rules.unwrap();
        let of = |rule: &str| points(&rules, rule, Release::R2026).unwrap();
        let (bottom, middle, top) = (of("bottom"), of("middle"), of("top"));
        assert!(bottom.iter().all(|point| middle.contains(point)) && bottom.len() < middle.len());
        assert!(middle.iter().all(|point| top.contains(point)) && middle.len() < top.len());
        assert_eq!(points(&rules, "no-such-rule", Release::R2026), None);
    }

    #[test]
    fn the_rules_together_need_what_each_needs() {
        let rules = builtin::compiled(Thresholds::default()).rules.unwrap();
        for release in Release::ALL {
            let mut each: Vec<String> =
                rules.rules().iter().flat_map(|rule| points(&rules, &rule.id, release).unwrap()).collect();
            each.sort();
            each.dedup();
            assert_eq!(each, names(&smallest(&rules, release, "/run/s.sock")), "{release:?}");
        }
    }

    #[test]
    fn raw_points_come_with_their_beginning_where_the_release_has_the_bug() {
        let rules = "- rule: x\n  desc: d\n  condition: evt.type = ioctl\n  output: o\n  priority: INFO\n";
        let has = |release, name: &str| session_of(rules, release).iter().any(|point| point == name);
        assert!(
            has(Release::R2022, "syscall/sysno/16/enter") && has(Release::R2022, "syscall/sysno/16/exit")
        );
        assert!(
            !has(Release::R2026, "syscall/sysno/16/enter") && has(Release::R2026, "syscall/sysno/16/exit")
        );
    }

    #[test]
    fn the_built_in_rules_ask_for_no_reads_writes_and_closes() {
        let rules = builtin::compiled(Thresholds::default()).rules.unwrap();
        for release in Release::ALL {
            let session = smallest(&rules, release, "/run/s.sock");
            let text = session.to_string();
            for dear in
                ["syscall/read", "syscall/write", "syscall/close", "\"cwd\"", "\"credentials\"", "envv"]
            {
                assert!(!text.contains(dear), "{dear} for {release:?}");
            }
            assert_eq!(session["trace_session"]["ignore_missing"], true);
        }
    }
}
