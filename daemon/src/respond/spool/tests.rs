//! A spool through crashes, torn ends and its limit.

use std::fs;
use std::io::Write as _;

use super::*;

const PLENTY: u64 = 1 << 30;

fn open(directory: &Path) -> Spool {
    Spool::open(directory, PLENTY).unwrap()
}

fn all(spool: &mut Spool) -> Vec<String> {
    let mut records = Vec::new();
    while let Some((record, _)) = spool.read().unwrap() {
        records.push(String::from_utf8(record).unwrap());
    }
    records
}

fn append(spool: &mut Spool, records: impl IntoIterator<Item = u32>) {
    for record in records {
        spool.append(record.to_string().as_bytes()).unwrap();
    }
}

fn named(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers.into_iter().map(|number| number.to_string()).collect()
}

#[test]
fn what_was_not_acknowledged_comes_again_and_in_its_order() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(directory.path());
    append(&mut spool, 0..5);
    let (_, _) = spool.read().unwrap().unwrap();
    let (_, second) = spool.read().unwrap().unwrap();
    spool.acknowledge(second).unwrap();
    assert_eq!(all(&mut spool), named(2..5));
    spool.rewind();
    assert_eq!(all(&mut spool), named(2..5));
    // As after a crash: nothing is said at the end.
    drop(spool);
    let mut spool = open(directory.path());
    let again = all(&mut spool);
    assert!(again.ends_with(&named(2..5)), "{again:?}");
    append(&mut spool, [5]);
    assert_eq!(all(&mut spool), named([5]));
}

#[test]
fn what_was_acknowledged_and_settled_is_gone_from_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(directory.path());
    append(&mut spool, 0..200);
    while let Some((_, place)) = spool.read().unwrap() {
        spool.acknowledge(place).unwrap();
    }
    spool.settle().unwrap();
    assert!(spool.is_empty());
    assert_eq!(spool.bytes(), 0);
    drop(spool);
    let mut spool = open(directory.path());
    assert_eq!(all(&mut spool), named([]));
    append(&mut spool, [7]);
    assert_eq!(all(&mut spool), named([7]));
}

#[test]
fn segments_follow_each_other_and_the_finished_ones_go() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = open(directory.path());
    let record = vec![b'x'; 3 << 20];
    for _ in 0..7 {
        spool.append(&record).unwrap();
    }
    assert!(segment::numbers(directory.path()).unwrap().len() > 2);
    let mut read = 0;
    while let Some((record, place)) = spool.read().unwrap() {
        assert_eq!(record.len(), 3 << 20);
        spool.acknowledge(place).unwrap();
        read += 1;
    }
    assert_eq!((read, segment::numbers(directory.path()).unwrap().len()), (7, 1));
}

#[test]
fn the_limit_refuses_the_newest_and_takes_again_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(directory.path(), 30).unwrap();
    append(&mut spool, 0..3);
    assert!(matches!(spool.append(b"3"), Err(SpoolError::Full(_))));
    while let Some((_, place)) = spool.read().unwrap() {
        spool.acknowledge(place).unwrap();
    }
    spool.settle().unwrap();
    append(&mut spool, [4]);
    assert_eq!(all(&mut spool), named([4]));
    assert!(matches!(spool.append(&vec![0; MAX_RECORD + 1]), Err(SpoolError::TooLong(_))));
}

#[test]
fn a_torn_end_is_cut_off_and_what_follows_is_whole() {
    for torn in [b"\x05".as_slice(), b"\x05\0\0\0\0\0\0\0ab", &[0xff; 20], &[0; 8 + 3]] {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = open(directory.path());
        append(&mut spool, 0..2);
        drop(spool);
        let path = segment::path(directory.path(), 1);
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(torn).unwrap();
        let mut spool = open(directory.path());
        append(&mut spool, [2]);
        // Eleven zeros are an empty record with its right checksum, then three bytes of nothing.
        let records: Vec<String> = all(&mut spool).into_iter().filter(|record| !record.is_empty()).collect();
        assert_eq!(records, named(0..3), "{torn:?}");
    }
}

#[test]
fn what_says_nonsense_about_the_place_loses_nothing() {
    for done in ["", "x", "1", "1 x", "99999999999999999999 0"] {
        let directory = tempfile::tempdir().unwrap();
        let mut spool = open(directory.path());
        append(&mut spool, 0..2);
        drop(spool);
        fs::write(directory.path().join("done"), done).unwrap();
        assert_eq!(all(&mut open(directory.path())), named(0..2), "{done:?}");
    }
}

#[test]
fn a_second_process_is_kept_out() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    assert!(matches!(Spool::open(directory.path(), PLENTY), Err(SpoolError::InUse(_))));
    drop(spool);
    open(directory.path());
}
