//! What lists cost: a lookup among five million addresses and among a million digests, reading a snapshot of that size
//! from its file, and a change of lists over a thousand remembered endpoints.
//!
//! Lookups are timed in short batches, of which the quickest and the middle one are shown: the quickest is the one that
//! nothing else on the machine fell into. The yardsticks are hash maps of the same keys, which say no more than whether a
//! key is there: what a read of memory costs on this machine today.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark of what is known to be there")]

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use sluicebox::engine::Sandbox;
use sluicebox::event::Time;
use sluicebox::intel::feed::{FileHash, Indicator, Record};
use sluicebox::intel::{Added, Intel, IntelBuilder, Trust};
use sluicebox::rules::testing::Script;
use sluicebox::rules::{Thresholds, builtin};

const ADDRESSES: u32 = 5_000_000;
const DIGESTS: u32 = 1_000_000;
const PREFIXES: u32 = 20_000;
const NOW: Time = Time(1_800_000_000_000_000_000);

/// Evenly spread and all different: an odd factor is a bijection of 32 bits.
fn spread(number: u32) -> u32 {
    number.wrapping_mul(0x9e37_79b1).rotate_left(15).wrapping_mul(0x85eb_ca77)
}

fn addr(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(spread(number)))
}

fn digest(number: u32) -> FileHash {
    let mut digest = [0; 32];
    let words = digest.chunks_exact_mut(4).zip(0u32..);
    for (word, at) in words {
        word.copy_from_slice(&spread(number.wrapping_add(at.wrapping_mul(0x1000_0001))).to_be_bytes());
    }
    FileHash::Sha256(digest)
}

fn large() -> Intel {
    let mut builder = IntelBuilder::seed();
    let feed = builder.feed("bench", ["mining-pool"]);
    let addresses = (0..ADDRESSES).map(|number| Indicator::Ip(addr(number)));
    let digests = (0..DIGESTS).map(|number| Indicator::Hash(digest(number)));
    let prefixes = (0..PREFIXES).map(|number| {
        let net = ipnet::Ipv4Net::new(Ipv4Addr::from(spread(number.wrapping_add(ADDRESSES))), 24);
        Indicator::Net(net.unwrap().into())
    });
    for indicator in addresses.chain(digests).chain(prefixes) {
        assert_eq!(builder.add(feed, &Record::bare(indicator, 1), 90, Trust::Full), Added::Kept);
    }
    builder.build(1)
}

fn raw_digest(number: u32) -> [u8; 32] {
    match digest(number) {
        FileHash::Sha256(digest) => digest,
        FileHash::Md5(_) | FileHash::Sha1(_) | FileHash::Sha512(_) => {
            unreachable!("digests here are SHA-256")
        }
    }
}

fn yardsticks() {
    type Yardstick<K> = hashbrown::HashMap<K, u32, foldhash::quality::RandomState>;
    let addresses: Yardstick<u32> = (0..ADDRESSES).map(|number| (spread(number), number)).collect();
    let digests: Yardstick<[u8; 32]> = (0..DIGESTS).map(|number| (raw_digest(number), number)).collect();
    let address = |asked: u32| addresses.get(&asked).copied();
    timed("yardstick/address/hit", |random| spread(random % ADDRESSES), address);
    timed("yardstick/address/miss", |random| random, address);
    let of_digest = |asked: [u8; 32]| digests.get(&asked).copied();
    timed("yardstick/digest/hit", |random| raw_digest(random % DIGESTS), of_digest);
    timed("yardstick/digest/miss", |random| raw_digest(random | 0x8000_0000), of_digest);
}

/// Batches of lookups, and the lookups of one.
const BATCHES: u32 = 2000;
const BATCH: u32 = 500;

/// Shows what `look` costs for what `ask` makes of a random number.
#[expect(clippy::disallowed_methods, reason = "a benchmark looks at the clock")]
fn timed<Q: Copy, A>(name: &str, ask: impl Fn(u32) -> Q, look: impl Fn(Q) -> A) {
    let mut number = 0u32;
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..BATCHES {
        let asked: Vec<Q> = std::iter::repeat_with(|| {
            number = number.wrapping_add(1);
            ask(spread(number ^ 0x5bd1_e995))
        })
        .take(usize::try_from(BATCH).unwrap())
        .collect();
        let begin = Instant::now();
        for asked in asked {
            black_box(look(black_box(asked)));
        }
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    let shown = |at: usize| times.get(at).map_or(0, |time| time.as_nanos().div_ceil(u128::from(BATCH)));
    println!("{name}: {} ns at best, {} ns as a rule", shown(0), shown(times.len() / 2));
}

fn bench(criterion: &mut Criterion) {
    let intel = large();
    let sizes = intel.sizes();
    println!("{sizes:?}");
    timed(
        "intel/address/hit",
        |random| addr(random % ADDRESSES),
        |addr| intel.ip(addr, NOW).map(|hit| hit.confidence()),
    );
    timed(
        "intel/address/miss",
        |random| SocketAddr::from((Ipv4Addr::from(random), 443)),
        |remote| intel.endpoint(remote, NOW).is_some(),
    );
    timed(
        "intel/digest/hit",
        |random| digest(random % DIGESTS),
        |digest| intel.file(&digest, NOW).map(|hit| hit.confidence()),
    );
    timed(
        "intel/digest/miss",
        |random| digest(random | 0x8000_0000),
        |digest| intel.file(&digest, NOW).is_some(),
    );
    yardsticks();
    let bytes = intel.to_bytes();
    println!("file: {} bytes", bytes.len());
    let mut slow = criterion.benchmark_group("intel");
    slow.sample_size(10);
    slow.bench_function("load", |bencher| bencher.iter(|| Intel::from_bytes(black_box(&bytes)).unwrap()));
    slow.finish();

    let rules = Arc::new(builtin::compiled(Thresholds::default()).rules.unwrap());
    let script: String = (0..1000u32)
        .map(|at| {
            format!(
                "{at}s pid=10 connect fd=3 remote=198.51.{}.{}:443\n{at}s pid=10 close fd=3\n",
                at / 250,
                at % 250
            )
        })
        .collect();
    let (seed, mut sandbox, mut found) = (Intel::seed(), Sandbox::new(rules), Vec::new());
    for event in Script::parse(&script).unwrap().events() {
        sandbox.observe(&event, &seed, &mut found);
    }
    criterion.bench_function("intel/lists-changed", |bencher| {
        bencher.iter(|| sandbox.lists_changed(&seed, &intel, black_box(&mut found)));
    });
}

criterion_group!(benches, bench);
criterion_main!(benches);
