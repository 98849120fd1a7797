//! What Falco's parser accepts and refuses, edge by edge: nobody's rule file may stop loading, and nothing may load here
//! that was an error there. Numbers with a unit, ours alone, are in `tests`.
//!
//! Three differences are meant. A hundred parentheses may be open; there it is a hundred calls of the parser, some
//! nineteen parentheses. A bad escape in a list of one (`in ("\d")`) is an error; there the list is silently empty.
//! Escapes that make no UTF-8 (`"\xff"`) are an error; whoever looks for bytes writes `bcontains`.

use super::parse;
use crate::rules::source::Text;

/// Whether Falco accepts the conditions, and the conditions.
type Table = (bool, &'static [&'static str]);

const ACCEPTED: bool = true;
const REFUSED: bool = false;

const WORDS: &[Table] = &[
    (
        ACCEPTED,
        &[
            "shell_procs",
            "Shell2_procs",
            "\t(\nspawned )\r\n",
            "spawned and not trusted and not fd.num exists",
            "a or b and not c or d",
            "a and(b)and(c)or(d)",
            "(a)or(b)or (c) and d",
            "not(a)and b",
            "not\nnot\tnot a",
            "not not(a)",
            "not.a exists and or.b = 1",
            "notable or order and android",
            // A keyword alone is a macro's name.
            "or",
            "a and or",
            "not not",
            "(and) and a",
        ],
    ),
    (
        REFUSED,
        &[
            "",
            " \n ",
            "a b",
            "a AND b",
            "NOT a",
            "a and",
            "a or ",
            "a and and b",
            "or a",
            "a & b",
            "a && b",
            "!a",
            "a not b",
            "a andnot(b)",
            "a, b",
            "a; b",
            "a # b",
            "# a",
            // An `or` that touches a parenthesis takes that alone.
            "a or(b) and c",
            "a or(b)and(c)",
            "()",
            "(a",
            "a)",
            "((a) and b",
            "_a",
            "9a",
            "a-b",
        ],
    ),
];

const FIELDS: &[Table] = &[
    (
        ACCEPTED,
        &[
            "proc.name exists",
            "proc.name existsand proc.pid exists",
            "evt.arg.mode.exec=true",
            "no_such.field_9 = 1",
            "proc.aname[2]=sh",
            "proc.env[\"A B\"] = 1",
            "proc.env['it\\'s'] = 1",
            "proc.env[\"\"] exists",
            "proc.env[A=(b),c] = 1",
            "container.mount.dest[/etc*] exists",
        ],
    ),
    (
        REFUSED,
        &[
            "proc.name",
            "proc. name = a",
            "proc..name = a",
            ".name = a",
            "proc.1 = a",
            "proc.name. = a",
            "proc.na-me = a",
            "name = a",
            "proc.aname[] = a",
            "proc.aname[ 2] = a",
            "proc.aname [2] = a",
            "proc.aname[2 = a",
            "proc.aname[2]] = a",
            "proc.aname[a\"b] = a",
            "proc.aname['a] = a",
            "proc.aname[\"\\y\"] = a",
            "proc.name Exists",
            "proc.name exists x",
            "exists proc.name",
        ],
    ),
];

const TEXTS: &[Table] = &[
    (
        ACCEPTED,
        &[
            "proc.name=sh",
            "proc.name==sh",
            "proc.name !=sh",
            "proc.name = and",
            "proc.name = not and b",
            "proc.name = proc.pname",
            "proc.name = *[a-z]{2}|$HOME:#!",
            "proc.name = 1and",
            "proc.name = <",
            "evt.dir=> and a",
            "proc.name = ''",
            "proc.name = \"a (b), c = 'd'\"and e",
            "proc.name = 'x'or(e)",
            "proc.name = \"line\\n\\t\\\"q\\\" \\\\d \\/\"",
            "proc.name = \"\\x2fetc\"",
            "proc.name = \"ends in a backslash \\ \"",
            "proc.name = oneof",
            "proc.name = true",
            "proc.name = naïve",
            "proc.cmdline contains \"-o pool\"",
            "proc.cmdline icontains\txmr",
            "proc.cmdline bcontains cafe",
            "proc.cmdline startswith\n/tmp",
            "proc.cmdline bstartswith 7f454c46",
            "proc.cmdline endswith .sh",
            "proc.cmdline glob /tmp/*",
            "proc.cmdline iglob *XMR*",
            "proc.cmdline regex ^a+b?$",
            "proc.cmdline regex '(a|b)'",
        ],
    ),
    (
        REFUSED,
        &[
            "proc.name = ",
            "proc.name = a b",
            "proc.name = a,b",
            "proc.name = (a)",
            "proc.name = a=b",
            "proc.name === a",
            "proc.name =! a",
            "proc.name ! = a",
            "proc.name <> a",
            "proc.name = 'a",
            "proc.name = \"a'",
            "proc.name = \"a\\\"",
            "proc.name = 'a'b",
            "proc.name = \"\\d\"",
            "proc.name = \"\\'\"",
            "proc.name = '\\\"'",
            "proc.name = \"\\x4\"",
            "proc.name = \"\\xzz\"",
            "proc.name containsx",
            "proc.name contains",
            "proc.name contains\"x\"",
            "proc.name Contains x",
            "proc.name startwith x",
            "proc.name regex (a|b)",
            "proc.name glob(x)",
        ],
    ),
];

const NUMBERS: &[Table] = &[
    (
        ACCEPTED,
        &[
            "fd.num>2",
            "fd.num < -1",
            "fd.num >= +7",
            "fd.num <= 0x7f",
            "fd.num <= 0XFF",
            "fd.num > 1.5",
            "fd.num > 1.",
            "fd.num > 2e+3",
            "fd.num > -2.5E-3",
            "fd.num > 007",
            "fd.num > 1and a",
            "fd.num > 0x1for(a)",
            "(fd.num > 1)",
            "fd.num = 0x1F",
            "fd.num > val(evt.rawres)",
            "fd.num > len(proc.name)",
            "fd.num > 99999999999999999999999999999999999999999999",
        ],
    ),
    (
        REFUSED,
        &[
            "fd.num >",
            "fd.num > x",
            "fd.num > '1'",
            "fd.num > .5",
            "fd.num > - 1",
            "fd.num > 1e3",
            "fd.num > 1e+",
            "fd.num > 0x",
            "fd.num > 0x1g",
            "fd.num > 1.2.3",
            "fd.num > 1,000",
            "fd.num > 1 2",
            "fd.num => 1",
            "fd.num > = 1",
            "fd.num > (1)",
            "fd.num > evt.rawres",
            "fd.num > 1andb",
        ],
    ),
];

const LISTS: &[Table] = &[
    (
        ACCEPTED,
        &[
            "proc.name in ()",
            "proc.name in(a)",
            "proc.name in ( a ,b,\tc )and d",
            "proc.name in ('a b', \"c\", d.e, 10.0.0.0/8, ::1, *, -)",
            "proc.name in (in, and, not, or, exists)",
            "proc.name in shell_binaries",
            "proc.name inshell_binaries",
            "proc.name in and and b",
            "fd.rnet in (10.0.0.0/8, \"fe80::/10\")",
            "proc.aname intersects (a)",
            "fd.name pmatch (/etc, /usr/*/bin)",
            "proc.name in val(proc.pname)",
            "proc.aname intersects tolower(proc.pname)",
        ],
    ),
    (
        REFUSED,
        &[
            "proc.name in",
            "proc.name in (",
            "proc.name in (a",
            "proc.name in (a,)",
            "proc.name in (,a)",
            "proc.name in (a,,b)",
            "proc.name in (a b)",
            "proc.name in (a=b)",
            "proc.name in ((a))",
            "proc.name in (tolower(proc.pname))",
            "proc.name in (val(proc.pname))",
            "proc.name in \"a\"",
            "proc.name in 10.0.0.0/8",
            "proc.name in [a]",
            "proc.name not in (a)",
            "proc.name IN (a)",
            "proc.name in or b",
            "proc.name in ('a)",
            "proc.name in (a) (b)",
        ],
    ),
];

const MODIFIERS: &[Table] = &[
    (
        ACCEPTED,
        &[
            "proc.name = oneof (a, b)",
            "proc.name != allof (a, \"b c\")",
            "proc.name == anyof ()",
            "proc.cmdline contains anyof\n(a, b)",
            "proc.cmdline startswith allof (a)and c",
            "proc.cmdline regex anyof ('^a', \"b$\")",
            "tolower(proc.name) iglob anyof (*a*)",
            "proc.name = anyof shell_binaries",
            "proc.name = anyof anyof",
            "proc.name = anyof and b",
            "proc.name = anyof andx",
            "proc.name =anyof",
            "proc.name = anyof_them",
        ],
    ),
    (
        REFUSED,
        &[
            "proc.name =anyof (a)",
            "proc.name = anyof(a)",
            "proc.name = Anyof (a)",
            "proc.name = anyof (a,)",
            "proc.name = anyof \"a\"",
            "proc.name = anyof (tolower(a.b))",
            "proc.name = anyof val(a.b)",
            "proc.name = anyof anyof (a)",
            "proc.name = anyof and_x",
            "proc.name in anyof (a)",
            "fd.num > anyof (1)",
            "proc.name exists anyof (a)",
        ],
    ),
];

const TRANSFORMERS: &[Table] = &[
    (
        ACCEPTED,
        &[
            "tolower(proc.name)=sh",
            "toupper( proc.name )\nexists",
            "basename(tolower(b64(proc.args))) in (a)",
            "len(proc.args)>3and a",
            "b64(proc.aname[1]) startswith \"a\"",
            "join(\",\", (proc.name, 'x', 12, 0x1f, len(fd.name)))contains x",
            "join(',', ()) = ''",
            "join(\",\", ( proc.name )) exists",
            "concat(proc.name, \":\", fd.num, -1.5) = a",
            "getopt(proc.args, \"nt:\")[t] = 5",
            "getopt(proc.args, 'nt:')[\"\"] exists",
            "tolower(proc.name)[x] = a",
            "tolower(1) = 1",
            "proc.name = val( proc.pname )",
            "proc.name = val(proc.aname[2])",
            "proc.name glob toupper(proc.pname)",
            "tolower(proc.name) = tolower(proc.pname)and a",
            "proc.name = concat(\"a\", proc.pname)",
            "proc.name pmatch val(fd.name)",
            "proc.name = value",
            "proc.name = tolower",
        ],
    ),
    (
        REFUSED,
        &[
            "val(proc.name) = a",
            "tolower(val(proc.name)) = a",
            "tolower (proc.name) = a",
            "tolower() = a",
            "tolower(proc.name, ) = a",
            "tolower(proc.name = a",
            "tolower(proc.name)) = a",
            "tolower(name) = a",
            "tolower(proc.name) = a(b)",
            "Tolower(proc.name) = a",
            "sha256(proc.name) = a",
            "join(\",\", ((proc.name))) = a",
            "join(\",\", (proc.name,)) = a",
            "join(\",\", (name)) = a",
            "tolower(proc.name)[] = a",
            "tolower(proc.name) [x] = a",
            "proc.name = val()",
            "proc.name = val(name)",
            "proc.name = val(\"a\")",
            "proc.name = val(val(proc.pname))",
            "proc.name = val(tolower(proc.pname))",
            "proc.name = val(proc.pname, fd.name)",
            "proc.name = val (proc.pname)",
            // Its parser takes the brackets, its compiler does not.
            "proc.name = val(proc.pname)[x]",
            "proc.name = (val(proc.pname))",
        ],
    ),
];

fn holds(tables: &[Table]) {
    for (accepted, conditions) in tables {
        for condition in *conditions {
            let parsed = parse(&Text::nowhere(condition));
            assert_eq!(parsed.is_ok(), *accepted, "{condition:?}: {parsed:?}");
            if let Ok(expr) = parsed {
                let printed = expr.to_string();
                assert_eq!(parse(&Text::nowhere(&printed)), Ok(expr), "{condition:?} as {printed:?}");
            }
        }
    }
}

#[test]
fn macros_and_keywords() {
    holds(WORDS);
}

#[test]
fn fields_with_arguments_and_exists() {
    holds(FIELDS);
}

#[test]
fn bare_and_quoted_texts() {
    holds(TEXTS);
}

#[test]
fn numbers_without_a_unit() {
    holds(NUMBERS);
}

#[test]
fn lists_of_values_and_by_name() {
    holds(LISTS);
}

#[test]
fn one_or_all_of_a_list() {
    holds(MODIFIERS);
}

#[test]
fn transformers_on_either_side() {
    holds(TRANSFORMERS);
}
