//! What is counted, and how Prometheus is told. One struct for each metric; `docs/metrics.md` lists them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use sluicebox::finding::{Finding, Severity};
use sluicebox::state;
use sluicebox::wire::{DecodeErrorKind, MessageType, schema};

use super::Observed;
use crate::respond::sinks;

/// Types of messages that are told apart: those of the schema by their numbers, and 0 for all others.
pub(super) const TYPES: usize = 39;

/// What can be wrong with a packet.
pub(super) const ERROR_KINDS: [DecodeErrorKind; 10] = [
    DecodeErrorKind::ShortHeader,
    DecodeErrorKind::HeaderSize,
    DecodeErrorKind::TooLarge,
    DecodeErrorKind::Truncated,
    DecodeErrorKind::Varint,
    DecodeErrorKind::FieldNumber,
    DecodeErrorKind::WireType,
    DecodeErrorKind::WrongType,
    DecodeErrorKind::Group,
    DecodeErrorKind::Depth,
];

/// What all analyses count together.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Events by kind.
    pub events: Events,
    /// Decode errors by kind.
    pub decode_errors: DecodeErrors,
    /// Messages that sentries could not send.
    pub dropped: Dropped,
    /// Packets that were cut.
    pub truncated: Truncated,
    /// What was forgotten, by kind.
    pub evictions: Evictions,
    /// Partial matches.
    pub partial_matches: PartialMatches,
    /// Findings by severity.
    pub findings: Findings,
    /// From an event to its finding.
    pub latency: Latency,
}

/// Events that were decoded, by the message's type.
#[derive(Debug)]
pub struct Events([AtomicU64; TYPES]);

impl Default for Events {
    fn default() -> Events {
        Events(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Events {
    pub(super) fn add(&self, slot: usize, count: u64) {
        if let Some(counter) = self.0.get(slot) {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    #[cfg(test)]
    pub(super) fn get(&self, slot: usize) -> u64 {
        self.0[slot].load(Ordering::Relaxed)
    }

    fn encode(&self, out: &mut Out<'_>) -> fmt::Result {
        let values = self.0.iter().enumerate().map(|(slot, count)| {
            let number = MessageType(u16::try_from(slot).unwrap_or(0));
            (schema::message(number).map_or("unknown", |spec| spec.name), count.load(Ordering::Relaxed))
        });
        out.counters(
            "sluicebox_events",
            "Events that were decoded, by the type of the message",
            "type",
            values,
        )
    }
}

/// Packets that could not be decoded, by what was wrong.
#[derive(Debug, Default)]
pub struct DecodeErrors([AtomicU64; ERROR_KINDS.len()]);

impl DecodeErrors {
    pub(super) fn add(&self, slot: usize, count: u64) {
        if let Some(counter) = self.0.get(slot) {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    #[cfg(test)]
    pub(super) fn total(&self) -> u64 {
        self.0.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    fn encode(&self, out: &mut Out<'_>) -> fmt::Result {
        let values = ERROR_KINDS.iter().zip(&self.0);
        let values = values.map(|(kind, count)| (kind.name(), count.load(Ordering::Relaxed)));
        out.counters(
            "sluicebox_decode_errors",
            "Packets that could not be decoded, by what was wrong",
            "kind",
            values,
        )
    }
}

/// Messages that sentries could not send, as they say.
#[derive(Debug, Default)]
pub struct Dropped(AtomicU64);

impl Dropped {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn encode(&self, out: &mut Out<'_>) -> fmt::Result {
        out.counter(
            "sluicebox_dropped",
            "Messages that sentries could not send",
            self.0.load(Ordering::Relaxed),
        )
    }
}

/// Packets that were larger than the receive buffer.
#[derive(Debug, Default)]
pub struct Truncated(AtomicU64);

impl Truncated {
    pub(super) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn encode(&self, out: &mut Out<'_>) -> fmt::Result {
        let count = self.0.load(Ordering::Relaxed);
        out.counter("sluicebox_truncated", "Packets that were larger than the receive buffer", count)
    }
}

/// What had to be forgotten to stay within the bounds of a sandbox, by kind.
#[derive(Debug, Default)]
pub struct Evictions([AtomicU64; 8]);

impl Evictions {
    pub(super) fn add(&self, now: state::Evictions, before: state::Evictions) {
        let both = now.by_kind().into_iter().zip(before.by_kind());
        for (counter, ((_, now), (_, before))) in self.0.iter().zip(both) {
            counter.fetch_add(now.saturating_sub(before), Ordering::Relaxed);
        }
    }

    fn encode(&self, out: &mut Out<'_>) -> fmt::Result {
        let names = state::Evictions::default().by_kind();
        let values =
            names.iter().zip(&self.0).map(|((name, _), count)| (*name, count.load(Ordering::Relaxed)));
        out.counters(
            "sluicebox_state_evictions",
            "What was forgotten to stay within a sandbox's bounds, by kind",
            "kind",
            values,
        )
    }
}

/// Partial matches in all sandboxes, as of their last tick.
#[derive(Debug, Default)]
pub struct PartialMatches(AtomicI64);

impl PartialMatches {
    pub(super) fn moved(&self, before: u64, now: u64) {
        let difference = i64::try_from(now).unwrap_or(i64::MAX).saturating_sub_unsigned(before);
        if difference != 0 {
            self.0.fetch_add(difference, Ordering::Relaxed);
        }
    }

    fn encode(&self, out: &mut Out<'_>) -> fmt::Result {
        out.gauge(
            "sluicebox_partial_matches",
            "Partial matches in all sandboxes",
            self.0.load(Ordering::Relaxed),
        )
    }
}

/// Findings, by severity. Those of rules on trial are not counted.
#[derive(Debug, Default)]
pub struct Findings([AtomicU64; 3]);

const SEVERITIES: [Severity; 3] = [Severity::Notice, Severity::Alert, Severity::Kill];

impl Findings {
    fn encode(&self, out: &mut Out<'_>) -> fmt::Result {
        let values = SEVERITIES.iter().zip(&self.0);
        let values = values.map(|(severity, count)| (severity.name(), count.load(Ordering::Relaxed)));
        out.counters("sluicebox_findings", "Findings, by severity", "severity", values)
    }
}

/// The time from an event to the finding that it gave rise to, by the sentry's and the host's clocks. What is found in
/// retrospect is not counted.
#[derive(Debug, Default)]
pub struct Latency {
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_us: AtomicU64,
}

/// Upper bounds of the buckets, in seconds.
const BOUNDS: [f64; 10] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

impl Latency {
    fn observe(&self, took: Duration) {
        let secs = took.as_secs_f64();
        let bucket = BOUNDS.iter().position(|bound| secs <= *bound).unwrap_or(BOUNDS.len());
        if let Some(counter) = self.buckets.get(bucket) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn encode(&self, out: &mut Out<'_>) -> fmt::Result {
        let bounds = BOUNDS.into_iter().chain([f64::MAX]);
        let buckets: Vec<(f64, u64)> =
            bounds.zip(&self.buckets).map(|(bound, count)| (bound, count.load(Ordering::Relaxed))).collect();
        let count =
            buckets.iter().map(|(_, count)| count).fold(0, |sum: u64, count| sum.saturating_add(*count));
        let sum = Duration::from_micros(self.sum_us.load(Ordering::Relaxed)).as_secs_f64();
        let help = "Seconds from an event, by the sentry's clock, to the finding that it gave rise to";
        let mut metric = out.0.encode_descriptor(
            "sluicebox_finding_latency_seconds",
            help,
            None,
            MetricType::Histogram,
        )?;
        metric.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }
}

impl Metrics {
    /// Notes a finding as it is made.
    pub fn found(&self, finding: &Finding) {
        if finding.shadow {
            return;
        }
        let slot = SEVERITIES.iter().position(|severity| *severity == finding.severity);
        if let Some(counter) = slot.and_then(|slot| self.findings.0.get(slot)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        if !finding.retrospective {
            let event = Duration::from_nanos(u64::try_from(finding.time_ns).unwrap_or(0));
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.latency.observe(now.saturating_sub(event));
        }
    }

    fn encode(&self, out: &mut Out<'_>) -> fmt::Result {
        self.events.encode(out)?;
        self.decode_errors.encode(out)?;
        self.dropped.encode(out)?;
        self.truncated.encode(out)?;
        self.evictions.encode(out)?;
        self.partial_matches.encode(out)?;
        self.findings.encode(out)?;
        self.latency.encode(out)
    }
}

impl Observed {
    fn encode(&self, out: &mut Out<'_>) -> fmt::Result {
        self.metrics.encode(out)?;
        self.encode_connections(out)?;
        self.encode_sinks(out)?;
        self.encode_responses(out)?;
        self.encode_force(out)
    }

    /// The receive loop.
    fn encode_connections(&self, out: &mut Out<'_>) -> fmt::Result {
        let counters = &self.connections;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let live = i64::try_from(counters.live.load(Ordering::Relaxed)).unwrap_or(i64::MAX);
        out.gauge("sluicebox_connections", "Connections that are open", live)?;
        out.counter("sluicebox_connections_served", "Connections that shook hands", read(&counters.served))?;
        let refused = [
            ("full", read(&counters.refused_full)),
            ("share", read(&counters.refused_share)),
            ("identity", read(&counters.refused_identity)),
            ("handshake", read(&counters.refused_handshake)),
            ("consumer", read(&counters.refused_consumer)),
        ];
        out.counters(
            "sluicebox_connections_refused",
            "Connections that were refused, by reason",
            "reason",
            refused,
        )?;
        out.counter(
            "sluicebox_accept_failed",
            "Connections that could not be accepted",
            read(&counters.accept_failed),
        )?;
        out.counter("sluicebox_panics", "Analyses that panicked", read(&counters.panicked))?;
        out.counter("sluicebox_packets", "Packets that were received", read(&counters.packets))?;
        out.counter("sluicebox_batches", "System calls that received packets", read(&counters.batches))
    }

    /// Sinks. Their names are the operator's.
    fn encode_sinks(&self, out: &mut Out<'_>) -> fmt::Result {
        let states = || self.sinks.states();
        let of = |field: fn(&sinks::State) -> &AtomicU64| {
            states().map(move |(name, state)| (name, field(state).load(Ordering::Relaxed)))
        };
        let name = "sluicebox_sink_delivered";
        out.counters(name, "Findings that a sink took", "sink", of(|state| &state.delivered))?;
        let name = "sluicebox_sink_failed";
        out.counters(name, "Findings that a sink could not take", "sink", of(|state| &state.failed))?;
        let name = "sluicebox_sink_lost";
        out.counters(name, "Findings that did not fit into a sink's queue", "sink", of(|state| &state.lost))?;
        let name = "sluicebox_sink_waiting";
        out.gauges(name, "Findings that wait for a sink", "sink", of(|state| &state.waiting))?;
        let name = "sluicebox_sink_spooled_bytes";
        out.gauges(name, "Bytes that wait for a sink on disk", "sink", of(|state| &state.spooled))?;
        let failing =
            states().map(|(name, state)| (name, u64::from(state.is_failing.load(Ordering::Relaxed))));
        out.gauges(
            "sluicebox_sink_failing",
            "Whether a sink failed to take the last finding",
            "sink",
            failing,
        )
    }

    /// What was done about findings.
    fn encode_responses(&self, out: &mut Out<'_>) -> fmt::Result {
        let counts = &self.responses;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let kills = [
            ("killed", read(&counts.killed)),
            ("dry_run", read(&counts.would_kill)),
            ("failed", read(&counts.failed)),
            ("capped", read(&counts.capped)),
            ("unverified", read(&counts.unverified)),
            ("lost", read(&counts.lost)),
        ];
        out.counters("sluicebox_kills", "Convicted containers, by what was done to them", "outcome", kills)
    }

    /// Rules, lists and settings.
    fn encode_force(&self, out: &mut Out<'_>) -> fmt::Result {
        let (force, history) = (self.current.get(), self.current.history());
        let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        out.gauge(
            "sluicebox_generation",
            "Counts changes of rules, lists and settings, from 1",
            gauge(force.generation),
        )?;
        let reloads = [("taken", history.taken), ("refused", history.refused)];
        out.counters(
            "sluicebox_reloads",
            "Changes of rules, lists and settings, by outcome",
            "outcome",
            reloads,
        )?;
        let rules = u64::try_from(force.rules.rules().len()).unwrap_or(u64::MAX);
        out.gauge("sluicebox_rules", "Rules that are in force", gauge(rules))?;
        let lists = force.intel.generation();
        out.gauge(
            "sluicebox_intel_generation",
            "The generation of the denylists, 0 for the bundled ones",
            gauge(lists),
        )?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        // A snapshot's generation is when it was published.
        let age = if lists == 0 { 0 } else { now.saturating_sub(lists) };
        out.gauge(
            "sluicebox_intel_age_seconds",
            "Seconds since feeds were published, 0 for the bundled lists",
            gauge(age),
        )
    }
}

/// Where metrics are written.
struct Out<'e>(DescriptorEncoder<'e>);

impl Out<'_> {
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(value).encode(metric)
    }

    fn gauge(&mut self, name: &str, help: &str, value: i64) -> fmt::Result {
        let metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        ConstGauge::new(value).encode(metric)
    }

    fn counters<'v>(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl IntoIterator<Item = (&'v str, u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (value, count) in values {
            ConstCounter::new(count).encode(family.encode_family(&[(label, value)])?)?;
        }
        Ok(())
    }

    fn gauges<'v>(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl IntoIterator<Item = (&'v str, u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (value, count) in values {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            ConstGauge::new(count).encode(family.encode_family(&[(label, value)])?)?;
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Scrape(Arc<Observed>);

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.encode(&mut Out(encoder))
    }
}

/// All metrics in the text format of OpenMetrics.
#[must_use]
pub fn exposition(observed: &Arc<Observed>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape(Arc::clone(observed))));
    let mut out = String::new();
    // Writing to a string cannot fail, and a label is a plain string.
    let _written = text::encode(&mut out, &registry);
    out
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;
    use crate::observe::Asks;
    use crate::reload::{Current, InForce};
    use crate::respond::sinks::Sinks;

    fn observed() -> Arc<Observed> {
        Arc::new(Observed {
            since: SystemTime::now(),
            current: Arc::new(Current::new(InForce::first(Config::default()).unwrap().0)),
            sinks: Arc::new(Sinks::open(&Config::default().sinks).unwrap()),
            responses: Arc::default(),
            connections: Arc::default(),
            metrics: Arc::default(),
            registry: Arc::default(),
            asks: Arc::<Asks>::default(),
        })
    }

    #[test]
    fn every_type_of_message_has_a_place_of_its_own() {
        assert_eq!(schema::messages().len() + 1, TYPES);
        assert!(schema::messages().iter().all(|spec| usize::from(spec.number.0) < TYPES));
    }

    #[test]
    fn latency_falls_into_the_bucket_that_it_is_not_above() {
        let latency = Latency::default();
        for micros in [0, 500, 501, 1_000_000, 9_000_000] {
            latency.observe(Duration::from_micros(micros));
        }
        let counts: Vec<u64> = latency.buckets.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        assert_eq!(counts, [2, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
    }

    #[test]
    fn what_is_left_of_partial_matches_is_what_the_living_have() {
        let partial_matches = PartialMatches::default();
        partial_matches.moved(0, 7);
        partial_matches.moved(0, 2);
        partial_matches.moved(7, 0);
        assert_eq!(partial_matches.0.load(Ordering::Relaxed), 2);
    }

    /// `docs/metrics.md` lists what is exported; `SLUICEBOX_BLESS=1` rewrites it.
    #[test]
    fn the_list_of_metrics_is_that_of_the_exposition() {
        let text = exposition(&observed());
        assert!(text.ends_with("# EOF\n"), "{text}");
        let mut page = String::from(
            "# Metrics\n\nWhat `/metrics` tells, where `[metrics] listen` is set. Counters end in `_total`. \
             Made by a test; do not edit.\n\n| name | type | labels | |\n|---|---|---|---|\n",
        );
        let mut kinds = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        for line in text.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
            let (name, help) = line.split_once(' ').unwrap();
            let (_, kind) = kinds.find(|(of, _)| *of == name).unwrap_or((name, "?"));
            let sample = text.lines().find(|line| {
                line.starts_with(&format!("{name}_total{{")) || line.starts_with(&format!("{name}{{"))
            });
            let label = sample.and_then(|sample| sample.split(['{', '=']).nth(1)).unwrap_or("");
            let label = if label.is_empty() { String::new() } else { format!("`{label}`") };
            page.push_str(&format!("| `{name}` | {kind} | {label} | {} |\n", help.trim_end_matches('.')));
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
        if std::env::var_os("SLUICEBOX_BLESS").is_some() {
            std::fs::write(&path, &page).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), page);
    }
}
