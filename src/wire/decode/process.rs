//! Messages of processes, and the raw call.

use super::fields::{Body, calls, parts, points, read_fields};
use crate::event::{
    Chdir, Chroot, CloneCall, ContainerStart, Context, Execve, ExitNotifyParent, Fork, PipePeer, Prlimit,
    Ptrace, Raw, SentryClone, SentryExecve, Setid, Setresid, TaskExit,
};
use crate::wire::error::Fault;
use crate::wire::protobuf::Input;

parts! {
    PipePeer<'a> { 1 => context, }
}

points! {
    ContainerStart<'a> { 2 => id, 3 => cwd, 6 => terminal, ; 4 => args, 5 => env, }
    SentryClone { 3 => created_tid, 4 => created_tgid, 5 => created_start, 6 => flags, }
    SentryExecve<'a> {
        2 => binary_path, 5 => mode, 6 => uid, 7 => gid, 8 => sha256, 9 => overlay_upper, 10 => ino,
        11 => ctime, 12 => stdin, 13 => stdout, 14 => stderr, 15 => overlay_lower, 16 => sha1, 17 => execfn,
        18 => size, 19 => nlink, 20 => in_memfd, 21 => pipe_input, 22 => pipe_output,
        ; 3 => argv, 4 => env,
    }
    ExitNotifyParent { 2 => exit_status, }
    TaskExit { 2 => exit_status, }
}

calls! {
    Execve<'a> { 4 => dirfd, 5 => fd_path, 6 => pathname, 9 => flags, ; 7 => argv, 8 => env, }
    Fork {}
    CloneCall { 4 => flags, 5 => stack, 6 => new_tid, 7 => tls, }
    Chdir<'a> { 4 => dirfd, 5 => fd_path, 6 => pathname, }
    Chroot<'a> { 4 => pathname, }
    Setid { 4 => id, }
    Setresid { 4 => rid, 5 => eid, 6 => sid, }
    Prlimit { 4 => pid, 5 => resource, 6 => new_limit, 7 => old_limit, }
    Ptrace { 4 => request, 5 => pid, }
}

/// The raw call is the odd one: its number is field 4, then come the registers.
impl<'a> Body<'a> for Raw {
    fn merge(&mut self, context: &mut Option<Context<'a>>, mut input: Input<'a>) -> Result<u32, Fault> {
        let [arg1, arg2, arg3, arg4, arg5, arg6] = &mut self.args;
        read_fields!(input,
            1 => *context,
            2 => self.call.exit,
            4 => self.call.sysno,
            5 => *arg1,
            6 => *arg2,
            7 => *arg3,
            8 => *arg4,
            9 => *arg5,
            10 => *arg6,
        );
        Ok(input.unknown)
    }
}
