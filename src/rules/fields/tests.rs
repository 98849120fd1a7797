//! Fields by group, as stories: a rule prints them, and the script says what must be printed.

use std::sync::Arc;

use crate::engine::Sandbox;
use crate::event::{
    Call, ContainerStart, Context, Credentials, Event, Exit, FdInfo, Kind, Mmap, SentryExecve, Setid, Sysno,
    Text, Texts, Tgid, Tid, Time, Uid,
};
use crate::finding::Finding;
use crate::intel::Intel;
use crate::rules::testing::{Script, check, intel};
use crate::rules::{RuleSet, Thresholds, compile};
use crate::state::{ImageName, Metadata, Mount};

fn rule(condition: &str, output: &str) -> Arc<RuleSet> {
    let file = format!(
        "- rule: r\n  id: r\n  desc: d\n  priority: INFO\n  condition: >\n    {condition}\n  output: >-\n    {output}\n"
    );
    let compiled = compile(&[("test.yaml", &file)], Thresholds::default(), 0);
    let said = compiled.diagnostics.text(&compiled.sources);
    Arc::new(compiled.rules.unwrap_or_else(|| panic!("{said}")))
}

/// Runs a script against one rule, `r`; it must print what the script says and nothing else.
#[track_caller]
fn tells(condition: &str, output: &str, script: &str) {
    let script = Script::parse(script).unwrap_or_else(|error| panic!("{error}\n{script}"));
    let outcome = check(&rule(condition, output), &intel(), &script);
    assert!(outcome.is_as_expected(), "{outcome}");
}

#[test]
fn the_event_tells_its_number_time_kind_and_result() {
    tells(
        "evt.type = getuid",
        "%evt.num %evt.time.iso8601 %evt.dir %evt.category %evt.source %syscall.type %evt.res",
        "0s pid=10 getuid
         #^ r 3 2023-11-14T22:13:20.000000000Z < other syscall getuid SUCCESS",
    );
    tells(
        "evt.is_io = true",
        "%evt.io_dir %evt.buflen %evt.is_io_read %evt.is_io_write %evt.category",
        "0s pid=10 socket result=3
         1s pid=10 sendto fd=3 result=7
         #^ r write 7 false true IO-write
         2s pid=10 read fd=3 result=9
         #^ r read 9 true false IO-read",
    );
}

#[test]
fn parameters_are_shown_by_name_and_by_place_as_falco_has_them() {
    tells(
        "evt.type in (open, openat)",
        "%evt.arg.name %evt.arg.flags %evt.arg.mode %evt.rawarg.mode %evt.arg.fd %evt.arg[2] %evt.arg.oldpath",
        "0s pid=10 openat path=/tmp/x flags=O_CREAT|O_WRONLY mode=0644 result=3
         #^ r /tmp/x O_WRONLY|O_CREAT 0644 420 3 /tmp/x <NA>
         1s pid=10 openat path=/tmp/y errno=ENOENT
         #^ r /tmp/y O_RDONLY 0644 420 ENOENT /tmp/y <NA>",
    );
    tells(
        "evt.type = fchmodat and evt.arg.mode contains S_ISUID",
        "%evt.arg.mode",
        "0s pid=10 fchmodat mode=0755
         1s pid=10 fchmodat mode=4100
         #^ r S_IXUSR|S_ISUID",
    );
    tells(
        "evt.type = ptrace and evt.arg.request contains PTRACE_ATTACH",
        "%evt.args",
        "0s pid=10 ptrace arg1=0
         1s pid=10 ptrace arg1=16 arg2=7
         #^ r res=0 request=PTRACE_ATTACH pid=7",
    );
    tells(
        "evt.type = unshare",
        "%evt.arg.flags %evt.info",
        "0s pid=10 unshare arg1=0x10020000
         #^ r CLONE_NEWNS|CLONE_NEWUSER res=0 flags=CLONE_NEWNS|CLONE_NEWUSER",
    );
    tells(
        "evt.type = kill",
        "%evt.arg.sig %evt.rawarg.sig",
        "0s pid=10 kill arg1=1 arg2=9
         #^ r SIGKILL 9",
    );
    tells(
        "evt.type = bpf and (evt.arg.cmd = 5 or evt.arg.cmd = BPF_PROG_LOAD)",
        "%evt.arg.cmd",
        "0s pid=10 bpf arg1=0
         1s pid=10 bpf arg1=5
         #^ r BPF_PROG_LOAD",
    );
}

#[test]
fn the_family_of_a_process_is_shown_by_generations() {
    tells(
        "proc.name = c and evt.type = getuid",
        "%proc.aname[1] %proc.aname[2] %proc.acmdline[1] %proc.aexepath[2] %proc.pexe %proc.apid[1] %proc.pvpid \
         %proc.loginshellid %proc.exeline %proc.args[1] %proc.cmdnargs %proc.cmdlenargs",
        "0s pid=10 execve path=/bin/bash argv=\"bash -l\"
         0s pid=11 parent=10 execve path=/b argv=\"b 1 2\"
         0s pid=12 parent=11 execve path=/c argv=\"c xy z\"
         1s pid=12 getuid
         #^ r b bash b 1 2 /bin/bash b 11 11 10 c xy z z 2 3",
    );
}

#[test]
fn sessions_and_groups_are_made_by_their_calls_and_inherited() {
    tells(
        "evt.type = getuid",
        "%proc.sid %proc.sname %proc.vpgid %proc.is_sid_leader %proc.is_vpgid_leader",
        "0s pid=10 execve path=/a
         0s pid=10 getuid
         #^ r 1 entrypoint 1 false false
         1s pid=10 setsid
         1s pid=10 getuid
         #^ r 10 a 10 true true
         2s pid=11 parent=10 getuid
         #^ r 10 a 10 false false
         3s pid=11 setpgid arg1=0 arg2=0
         3s pid=11 getuid
         #^ r 10 a 11 false true
         4s pid=10 setpgid arg1=11 arg2=10 errno=EPERM
         4s pid=11 getuid
         #^ r 10 a 11 false true
         5s pid=10 setpgid arg1=11 arg2=10
         5s pid=11 getuid
         #^ r 10 a 10 false false",
    );
}

#[test]
fn an_open_that_failed_has_its_path_and_no_descriptor() {
    tells(
        "evt.type = openat",
        "%fd.num %fd.typechar %fd.name %fd.nameraw %fd.directory %fd.filename %evt.is_open_read %fs.path.name",
        "0s pid=10 chdir path=/srv
         1s pid=10 openat path=../etc/shadow errno=EACCES
         #^ r -1 f /etc/shadow ../etc/shadow /etc shadow true /etc/shadow
         2s pid=10 openat path=/etc flags=O_DIRECTORY result=3
         #^ r 3 d /etc /etc / etc true /etc",
    );
}

#[test]
fn the_ends_of_a_connection_are_client_and_server() {
    let ends = "%fd.name %fd.cip %fd.sip %fd.lport %fd.rport %fd.sport %fd.cport %fd.ip %fd.port %fd.connected \
                %fd.sockfamily";
    tells(
        "evt.type = connect",
        ends,
        "0s pid=10 socket result=3
         1s pid=10 bind fd=3 local=192.0.2.1:99
         2s pid=10 connect fd=3 remote=198.51.100.7:443
         #^ r 192.0.2.1:99->198.51.100.7:443 192.0.2.1 198.51.100.7 99 443 443 99 192.0.2.1,198.51.100.7 99,443 true ip
         3s pid=10 connect fd=4 remote=198.51.100.7:443 errno=ECONNREFUSED
         #^ r 0.0.0.0:0->198.51.100.7:443 <NA> 198.51.100.7 <NA> 443 443 <NA> 198.51.100.7 443 false ip",
    );
    tells(
        "evt.type in (accept, listen)",
        ends,
        "0s pid=10 socket result=3
         1s pid=10 bind fd=3 local=0.0.0.0:80
         2s pid=10 listen fd=3
         #^ r 0.0.0.0:0->0.0.0.0:80 <NA> 0.0.0.0 80 <NA> 80 <NA> 0.0.0.0 80 false ip
         3s pid=10 accept fd=3 remote=198.51.100.7:5000 result=4
         #^ r 198.51.100.7:5000->0.0.0.0:80 198.51.100.7 0.0.0.0 80 5000 80 5000 198.51.100.7,0.0.0.0 5000,80 true ip",
    );
    // Of both ends neither may be denied.
    tells(
        "evt.type = connect and fd.ip != \"192.0.2.1\" and fd.net != \"127.0.0.0/8\"",
        "%fd.rip",
        "0s pid=10 socket result=3
         1s pid=10 bind fd=3 local=192.0.2.1:99
         2s pid=10 connect fd=3 remote=198.51.100.7:443
         3s pid=10 connect fd=4 remote=127.0.0.1:443
         4s pid=10 connect fd=5 remote=198.51.100.7:443
         #^ r 198.51.100.7",
    );
}

#[test]
fn the_standard_descriptors_are_what_they_were_made() {
    tells(
        "evt.type = dup2",
        "%proc.stdin.type %proc.stdin.name %proc.stdout.type %fd.types[0]",
        "0s pid=10 connect fd=3 remote=198.51.100.7:443
         1s pid=10 dup2 old=3 new=0
         #^ r ipv4 0.0.0.0:0->198.51.100.7:443 <NA> ipv4",
    );
}

#[test]
fn a_container_starts_with_an_exec_and_a_clone_goes_by_the_calls_that_make_one() {
    tells("evt.type = execve", "%evt.type", "0s pid=1 container argv=/x\n#^ r container");
    tells("evt.type in (fork, vfork)", "%evt.type", "0s pid=10 getuid\n#^ r clone");
    tells("evt.type = vfork", "%evt.type", "0s pid=10 getuid");
    tells(
        "evt.type = execveat",
        "%evt.type",
        "0s pid=10 execve path=/x\n1s pid=10 execve path=/x given=/dev/fd/3\n#^ r execveat",
    );
}

/// A container with its first process.
struct Story {
    sandbox: Sandbox,
    found: Vec<Finding>,
}

impl Story {
    fn new(rules: Arc<RuleSet>, metadata: Option<Metadata>) -> Story {
        let mut sandbox = Sandbox::new(rules);
        if let Some(metadata) = metadata {
            assert!(sandbox.describe(b"0123456789abcdef", Arc::new(metadata)));
        }
        Story { sandbox, found: Vec::new() }
    }

    fn happens(&mut self, uid: u32, kind: Kind<'_>) -> &mut Story {
        let context = Context {
            time: Time(1_700_000_000_000_000_000),
            tid: Tid(1),
            tgid: Tgid(1),
            start: Time(1_700_000_000_000_000_000),
            container: Text(b"0123456789abcdef"),
            credentials: Some(Credentials { effective_uid: Uid(uid), ..Credentials::default() }),
            ..Context::default()
        };
        let event = Event { context: Some(context), kind };
        self.sandbox.observe(&event, &Intel::seed(), &mut self.found);
        self
    }

    fn outputs(&self) -> Vec<&str> {
        self.found.iter().flat_map(|finding| &finding.matches).map(|matched| &*matched.output).collect()
    }
}

const DONE: Option<Exit> = Some(Exit { result: 0, errno: crate::event::Errno::OK });

#[test]
fn what_the_embedder_knows_of_a_container_is_asked_like_everything_else() {
    let metadata = Metadata {
        name: Some("web".to_owned()),
        image: Some(ImageName::parse("docker.io/library/nginx:1.27")),
        privileged: Some(true),
        mounts: Some(vec![Mount {
            source: "/var/run/docker.sock".to_owned(),
            dest: "/sock".to_owned(),
            ..Mount::default()
        }]),
        labels: vec![("io.kubernetes.pod.namespace".to_owned(), "shop".to_owned())],
        ..Metadata::default()
    }
    .with_passwd("postgres:x:999:999::/var:/bin/sh\n");
    let output = "%container.id %container.name %container.image.repository %container.image.tag %container.privileged \
                  %k8s.ns.name %container.label[io.kubernetes.pod.namespace] %container.mount.dest[/var/run/*] \
                  %container.mount.dest[/etc] %user.name %evt.arg.uid %k8s.pod.name";
    let setuid = Setid { call: Call { sysno: Sysno::SETUID, exit: DONE }, id: 999 };
    let rules = rule("evt.type = setuid and evt.arg.uid = postgres and user.name = root", output);
    let mut story = Story::new(rules, Some(metadata));
    story.happens(0, Kind::Setid(setuid)).happens(999, Kind::Setid(setuid));
    assert_eq!(
        story.outputs(),
        ["0123456789ab web docker.io/library/nginx 1.27 true shop shop /sock N/A root postgres <NA>"]
    );
}

#[test]
fn where_nobody_described_the_container_its_facts_are_absent_and_no_mount_is_there() {
    let setuid = Setid { call: Call { sysno: Sysno::SETUID, exit: DONE }, id: 999 };
    let output = "%container.image.repository %container.privileged %user.name %evt.arg.uid";
    let rules = rule("evt.type = setuid and container.mount.dest[/] in (\"<NA>\", \"N/A\")", output);
    let mut story = Story::new(rules, None);
    story.happens(5, Kind::Setid(setuid));
    assert_eq!(story.outputs(), ["<NA> <NA> <NA> 999"]);
}

#[test]
fn a_terminal_is_what_the_start_or_an_exec_says() {
    let rules = rule("evt.type = mmap", "%proc.tty");
    let start = |terminal| Kind::ContainerStart(ContainerStart { terminal, ..ContainerStart::default() });
    let look = || Kind::Mmap(Mmap { call: Call { sysno: Sysno::MMAP, exit: DONE }, ..Mmap::default() });
    let exec = |stdin: Option<&'static [u8]>| {
        let stdin = stdin.map(|path| FdInfo { path: Text(path), ..FdInfo::default() });
        Kind::SentryExecve(SentryExecve { binary_path: Text(b"/bin/sh"), stdin, ..SentryExecve::default() })
    };
    let mut story = Story::new(rules, None);
    story.happens(0, look()).happens(0, start(false)).happens(0, look());
    story.happens(0, exec(Some(b"/dev/pts/2"))).happens(0, look());
    // A pipe of a pipeline takes no terminal away; a new session does.
    story.happens(0, exec(Some(b"pipe:[1]"))).happens(0, look());
    let setsid = Setid { call: Call { sysno: Sysno::SETSID, exit: DONE }, id: 0 };
    story.happens(0, Kind::Setid(setsid)).happens(0, look());
    assert_eq!(story.outputs(), ["<NA>", "0", "34818", "34818", "0"]);
}

#[test]
fn the_environment_is_told_with_an_exec_only() {
    let rules = rule("proc.env icontains http_proxy", "%proc.env[HTTP_PROXY]");
    let env = [Text(b"A=1"), Text(b"HTTP_PROXY=http://p")];
    let exec = SentryExecve { binary_path: Text(b"/x"), env: Texts::of(&env), ..SentryExecve::default() };
    let mut story = Story::new(rules, None);
    story.happens(0, Kind::SentryExecve(exec));
    story.happens(0, Kind::Mmap(Mmap { call: Call { sysno: Sysno::MMAP, exit: DONE }, ..Mmap::default() }));
    assert_eq!(story.outputs(), ["http://p"]);
}

#[test]
fn a_program_is_known_by_its_digest_whatever_it_is_called() {
    let known = "6".repeat(64);
    let other = "7".repeat(64);
    tells(
        "intel.hash.tags intersects (miner)",
        "%intel.hash.source %intel.hash.confidence %intel.hash.since %intel.bin.tags",
        &format!(
            "0s pid=10 execve path=/usr/bin/cron sha256={known}
             #^ r test 100 <NA> <NA>
             1s pid=11 execve path=/usr/bin/cron sha256={other}
             2s pid=12 execve path=/usr/bin/cron"
        ),
    );
}

#[test]
fn what_lists_say_of_names_and_arguments_has_a_confidence() {
    tells(
        "intel.text.tags intersects (stratum-scheme)",
        "%intel.bin.confidence %intel.bin.since %intel.text.confidence %intel.text.since",
        r#"0s pid=10 execve path=/tmp/xmrig argv="xmrig -o stratum+tcp://192.0.2.1:3333"
         #^ r 70 <NA> 70 <NA>"#,
    );
}

#[test]
fn a_text_is_compared_with_another_field_by_every_operator_that_takes_no_pattern_to_compile() {
    for (operator, holds, fails) in [
        ("contains", "/usr/bin/bash-5", "/usr/bin/BASH"),
        ("icontains", "/usr/bin/BASH-5", "/usr/bin/sh"),
        ("startswith", "bash/x", "/bash"),
        ("endswith", "/bin/bash", "/bin/bash5"),
        ("bcontains", "/bash/x", "/bas/h"),
        ("bstartswith", "bash", "ash"),
        ("glob", "bash", "bash5"),
        ("iglob", "BASH", "SH"),
    ] {
        tells(
            &format!("evt.type = openat and fd.nameraw {operator} val(proc.name)"),
            "%fd.nameraw",
            &format!(
                "0s pid=10 execve path=/bin/bash argv=bash
                 1s pid=10 openat path={holds}
                 #^ r {holds}
                 2s pid=10 openat path={fails}"
            ),
        );
    }
}

#[test]
fn a_pattern_from_another_field_is_one_and_one_of_several_texts_is_enough() {
    tells(
        "evt.type = openat and (fd.nameraw glob val(proc.exe) or proc.args endswith basename(fd.nameraw))",
        "%fd.nameraw",
        "0s pid=10 execve path=/bin/x argv=\"/tmp/*\"
         1s pid=10 openat path=/tmp/a
         #^ r /tmp/a
         2s pid=10 openat path=/var/a
         3s pid=10 execve path=/bin/x argv=\"x /one/a b\"
         4s pid=10 openat path=/b
         #^ r /b
         5s pid=10 openat path=/c",
    );
}

#[test]
fn a_field_without_a_value_on_the_right_fails_the_check_and_its_inequality() {
    tells(
        "evt.type = openat and (fd.nameraw contains val(fd.l4proto) or fd.nameraw != val(fd.l4proto))",
        "x",
        "0s pid=10 openat path=/tmp/a",
    );
}

#[test]
fn an_output_takes_the_longest_name_that_is_a_field_and_leaves_the_rest_as_it_is() {
    tells(
        "evt.type = openat",
        "*%fd.nameraw.bak %proc.name-%proc.vpid %proc.name[] %proc.name[0] %proc.name. %%proc.name 5% of %",
        "0s pid=10 execve path=/bin/bash argv=bash
         1s pid=10 openat path=/a
         #^ r /a.bak bash-10 bash[] bash[0] bash. %proc.name 5% of %",
    );
}

#[test]
fn an_output_cuts_and_fills_up_and_takes_transformers() {
    tells(
        "evt.type = openat",
        "%2proc.name|%5proc.name|%3fd.sport|%toupper(proc.name)|%basename(proc.exepath)|%container.info",
        "0s pid=10 execve path=/bin/bash argv=bash
         1s pid=10 openat path=/a
         #^ r ba|bash |<NA|BASH|bash|container_id=script container_name=<NA>",
    );
}
