//! Messages of files.

use super::fields::{calls, points, read_fields};
use crate::event::{
    Close, Context, InotifyAddWatch, InotifyInit, InotifyRmWatch, Mmap, Open, Read, SentryMmap, Write,
};
use crate::wire::error::Fault;
use crate::wire::protobuf::Input;

points! {
    SentryMmap<'a> {
        2 => path, 3 => ino, 4 => mode, 5 => uid, 6 => gid, 7 => is_initial, 8 => ctime, 9 => overlay_upper,
        10 => overlay_lower,
    }
}

calls! {
    Open<'a> { 4 => dirfd, 5 => fd_path, 6 => pathname, 7 => flags, 8 => mode, }
    Close<'a> { 4 => fd, 5 => fd_path, }
    Read<'a> { 4 => fd, 5 => fd_path, 6 => count, 7 => has_offset, 8 => offset, 9 => flags, }
    Write<'a> { 4 => fd, 5 => fd_path, 6 => count, 7 => has_offset, 8 => offset, 9 => flags, }
    Mmap<'a> {
        4 => fd, 5 => fd_path, 6 => addr, 7 => length, 8 => prot, 9 => flags, 10 => offset,
    }
    InotifyInit { 4 => flags, }
    InotifyAddWatch<'a> { 4 => fd, 5 => fd_path, 6 => pathname, 7 => mask, }
    InotifyRmWatch<'a> { 4 => fd, 5 => fd_path, 6 => wd, }
}
