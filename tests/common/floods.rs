//! Floods that a hostile container can send, for the test and the bench of memory.
#![allow(
    dead_code,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "a test's own small numbers and constants; not every user asks for everything"
)]

mod scene;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

#[allow(unused_imports, reason = "not every user asks for everything")]
pub(crate) use scene::{DOWNLOADER, FLOODER, INIT, MINER, POOL, SERVER, Scene};

/// What a flood consists of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Flood {
    /// Children that live on.
    Forks,
    /// Each child forks the next one and lives on.
    NestedForks,
    /// Children that end at once.
    ExitedForks,
    /// Children of who has bytes from the network.
    TaintedForks,
    /// The same, and each does something.
    BusyTaintedForks,
    /// Duplicates of one descriptor, number after number.
    Descriptors,
    /// Duplicates onto numbers that lie far apart.
    ScatteredDescriptors,
    /// Many processes with one high descriptor each.
    HighDescriptors,
    /// Many processes with a few descriptors of their own.
    OwnDescriptors,
    /// Files that are read.
    ReadFiles,
    /// Files that are written by who has nothing from the network.
    WrittenFiles,
    /// Files that are written by who downloads.
    DownloadedFiles,
    /// The same, with the longest paths.
    LongPaths,
    /// Remote endpoints.
    Remotes,
    /// Remote endpoints that are each tried twice.
    RepeatedRemotes,
    /// Ports of one remote address.
    Ports,
    /// Connections over which a few messages are sent.
    Talkers,
    /// Pipes that carry bytes from the network.
    TaintedPipes,
    /// Programs with 64 KiB of arguments.
    Arguments,
    /// Downloaded programs with 64 KiB of arguments.
    DownloadedArguments,
    /// A program that writes the next one, which runs and does the same.
    Worm,
    /// Processes that begin what a rule waits for.
    HalfProbes,
    /// Processes that complete what another rule waits for.
    Probes,
    /// Containers, as a sentry may claim them.
    Containers,
    /// Children of who has thousands of descriptors, some of which fill a pipe of their own from the network.
    Heirs,
    /// A directory with thousands of files that is renamed to and fro, now and then.
    Moves,
}

pub(crate) const FLOODS: [Flood; 26] = [
    Flood::Forks,
    Flood::NestedForks,
    Flood::ExitedForks,
    Flood::TaintedForks,
    Flood::BusyTaintedForks,
    Flood::Descriptors,
    Flood::ScatteredDescriptors,
    Flood::HighDescriptors,
    Flood::OwnDescriptors,
    Flood::ReadFiles,
    Flood::WrittenFiles,
    Flood::DownloadedFiles,
    Flood::LongPaths,
    Flood::Remotes,
    Flood::RepeatedRemotes,
    Flood::Ports,
    Flood::Talkers,
    Flood::TaintedPipes,
    Flood::Arguments,
    Flood::DownloadedArguments,
    Flood::Worm,
    Flood::HalfProbes,
    Flood::Probes,
    Flood::Containers,
    Flood::Heirs,
    Flood::Moves,
];

/// Children of the flood have ids from here on.
const CHILDREN: i32 = 1000;

/// Descriptors that [`Flood::Heirs`] inherit, and files that [`Flood::Moves`] takes along.
const BELONGINGS: i32 = 4000;

/// One in so many of them is what is dear.
const RARELY: u32 = 64;

/// Where [`Flood::Talkers`] has its sockets: so many at once.
const TALKERS: u32 = 4096;

impl Scene {
    /// A whole flood, numbered on from `first`.
    pub(crate) fn flooded(&mut self, flood: Flood, first: u32, many: u32) {
        for number in first..first + many {
            self.flood(flood, number);
        }
    }

    /// The `number`th event or two of a flood.
    pub(crate) fn flood(&mut self, flood: Flood, number: u32) {
        let child = CHILDREN.wrapping_add_unsigned(number);
        if number == 0 {
            self.connect(DOWNLOADER, 3, SERVER.parse().unwrap());
        }
        match flood {
            Flood::Forks => self.clone_of(FLOODER, child),
            Flood::NestedForks => {
                let parent = if number == 0 { FLOODER } else { child - 1 };
                self.clone_of(parent, child);
            }
            Flood::ExitedForks => {
                self.clone_of(FLOODER, child);
                self.exits(child);
            }
            Flood::TaintedForks => self.clone_of(DOWNLOADER, child),
            Flood::BusyTaintedForks => {
                self.clone_of(DOWNLOADER, child);
                self.open(child, b"/etc/hosts", false, 5);
            }
            Flood::Descriptors => self.dup(FLOODER, 0, 3 + (number % 1_000_000).cast_signed()),
            Flood::ScatteredDescriptors => {
                self.dup(FLOODER, 0, 3 + (number.wrapping_mul(7919) % 1_000_000).cast_signed());
            }
            Flood::HighDescriptors => {
                self.clone_of(FLOODER, child);
                self.dup(child, 0, 1_000_000);
            }
            Flood::OwnDescriptors => {
                self.clone_of(FLOODER, child);
                for fd in [5, 40, 80] {
                    self.dup(child, 0, fd);
                }
            }
            Flood::ReadFiles => {
                self.open(FLOODER, format!("/usr/share/data/{number}").as_bytes(), false, 5);
            }
            Flood::WrittenFiles => {
                self.open(FLOODER, format!("/var/tmp/out/{number}").as_bytes(), true, 5);
            }
            Flood::DownloadedFiles => {
                self.open(DOWNLOADER, format!("/home/user/data/{number}").as_bytes(), true, 5);
            }
            Flood::LongPaths => {
                let path = format!("/home/user/{}/{number}", "d/".repeat(2000));
                self.open(DOWNLOADER, path.as_bytes(), true, 5);
            }
            Flood::Remotes => self.connect(FLOODER, 5, remote(number, 443)),
            Flood::RepeatedRemotes => {
                self.connect(FLOODER, 5, remote(number, 443));
                self.connect(FLOODER, 5, remote(number, 443));
            }
            Flood::Ports => {
                let port = u16::try_from(number % 60_000 + 1024).unwrap();
                self.connect(FLOODER, 5, remote(number / 60_000, port));
            }
            Flood::Talkers => self.talk(number),
            Flood::TaintedPipes => self.pipe(DOWNLOADER, 6, 7),
            Flood::Arguments => {
                self.clone_of(FLOODER, child);
                self.exec_at_length(child, b"/usr/bin/true");
            }
            Flood::DownloadedArguments => {
                let path = format!("/opt/{}", number % 8);
                self.open(DOWNLOADER, path.as_bytes(), true, 5);
                self.clone_of(DOWNLOADER, child);
                self.exec_at_length(child, path.as_bytes());
            }
            Flood::Worm => {
                let path = format!("/opt/{number}");
                self.open(DOWNLOADER, path.as_bytes(), true, 5);
                self.exec(DOWNLOADER, path.as_bytes(), &[path.as_bytes()]);
                self.connect(DOWNLOADER, 3, SERVER.parse().unwrap());
            }
            Flood::HalfProbes => {
                self.clone_of(FLOODER, child);
                self.look_for(child, b"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
                self.look_for(child, b"/dev/mem");
            }
            Flood::Probes => {
                self.clone_of(FLOODER, child);
                self.probe(child);
            }
            Flood::Containers => self.start_container(format!("{number:064}").as_bytes()),
            Flood::Heirs => {
                if number == 0 {
                    (10..BELONGINGS).for_each(|fd| self.dup(FLOODER, 0, fd));
                }
                self.clone_of(FLOODER, child);
                if number.is_multiple_of(RARELY) {
                    self.pipe(child, 6, 7);
                    self.connect(child, 5, SERVER.parse().unwrap());
                }
            }
            Flood::Moves => {
                if number == 0 {
                    let path = |file| format!("/srv/there/{file}");
                    (0..BELONGINGS).for_each(|file| self.open(FLOODER, path(file).as_bytes(), true, 5));
                }
                let ways: [&[u8]; 2] = [b"/srv/there", b"/srv/back"];
                let [from, to] = if number % (2 * RARELY) < RARELY { ways } else { [ways[1], ways[0]] };
                self.exec(FLOODER, b"/usr/bin/mv", &[b"mv", from, to]);
                if number.is_multiple_of(RARELY) {
                    self.rename(FLOODER);
                }
            }
        }
    }

    /// Looks for what miners look for.
    pub(crate) fn probe(&mut self, process: i32) {
        self.look_for(process, b"/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages");
        self.look_for(process, b"/sys/firmware/dmi/tables/DMI");
        self.look_for(process, b"/dev/mem");
    }

    /// Sends on one of many sockets, the fourth time over a new one.
    fn talk(&mut self, number: u32) {
        let fd = 100 + (number % TALKERS).cast_signed();
        if number.is_multiple_of(TALKERS) {
            self.time += 10_000_000;
        }
        if (number / TALKERS).is_multiple_of(4) {
            self.connect(FLOODER, fd, remote(number, 443));
        }
        self.send(FLOODER, fd, 100);
    }
}

fn remote(number: u32, port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::from_bits(0x0b00_0000 + number)), port)
}
