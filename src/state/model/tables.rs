//! Descriptor tables of the naive model: plain maps, and what calls do to them.
//!
//! What a process does before its clone is reported is written down as well: it did it to what it inherits.

use crate::state::{Access, OnExec};

use super::naive::{Act, Ix, Naive, Object, Open, Table};

/// The highest descriptor that a process can have, and one more.
const HIGHEST: i32 = 1 << 20;

/// So many changes are written down of a process whose clone is still to come, or none.
const NOTED: usize = 32;

/// What a call does to a table.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Put(i32, Open),
    Copy { old: i32, new: i32, on_exec: OnExec },
    Close(i32),
    Mark(i32, OnExec),
    CloseRange(i64, i64),
    MarkRange(i64, i64),
    Exec,
}

/// What a process did before its clone was reported.
#[derive(Clone, Debug)]
pub(super) struct Early {
    /// Nothing if there was too much.
    pub(super) changes: Option<Vec<Change>>,
    pub(super) has_own_program: bool,
    pub(super) has_own_cwd: bool,
    /// It made others, which took their family from it.
    pub(super) made_others: bool,
}

impl Default for Early {
    fn default() -> Self {
        Early { changes: Some(Vec::new()), has_own_program: false, has_own_cwd: false, made_others: false }
    }
}

pub(super) fn own(object: Object, access: Access, on_exec: OnExec) -> Open {
    Open { object, access, on_exec, passed_on: false }
}

/// What a table is after a call.
fn changed(table: &mut Table, change: Change) {
    match change {
        Change::Put(fd, open) => {
            if (0..HIGHEST).contains(&fd) {
                table.insert(fd, open);
            }
        }
        Change::Copy { old, new, on_exec } => {
            let unknown = own(Object::Unknown, Access::ReadWrite, on_exec);
            let open = table.get(&old).copied().unwrap_or(unknown);
            changed(table, Change::Put(new, Open { on_exec, passed_on: false, ..open }));
        }
        Change::Close(fd) => {
            table.remove(&fd);
        }
        Change::Mark(fd, on_exec) => {
            if let Some(open) = table.get_mut(&fd) {
                open.on_exec = on_exec;
            }
        }
        Change::CloseRange(first, last) => table.retain(|fd, _| !(first..=last).contains(&i64::from(*fd))),
        Change::MarkRange(first, last) => {
            let marked = table.iter_mut().filter(|(fd, _)| (first..=last).contains(&i64::from(**fd)));
            marked.for_each(|(_, open)| open.on_exec = OnExec::Close);
        }
        // exec(2) closes some, and passes on the others.
        Change::Exec => {
            table.retain(|_, open| open.on_exec == OnExec::Keep);
            table.range_mut(3..).for_each(|(_, open)| open.passed_on = true);
        }
    }
}

impl Naive {
    pub(super) fn table(&self, process: Ix) -> &Table {
        &self.tables[self.processes[process].table]
    }

    pub(super) fn new_table(&mut self, table: Table) -> Ix {
        self.tables.push(table);
        self.tables.len() - 1
    }

    /// The acting process's call changes its descriptors.
    pub(super) fn change(&mut self, act: &Act<'_>, change: Change) {
        if let Some(early) = &mut self.processes[act.process].early
            && let Some(changes) = &mut early.changes
        {
            changes.push(change);
            if changes.len() > NOTED {
                early.changes = None;
            }
        }
        if let Change::Put(fd, _) | Change::Copy { new: fd, .. } = change
            && !(0..HIGHEST).contains(&fd)
        {
            self.high_fds += 1;
        }
        self.changes(act.process, change);
    }

    fn changes(&mut self, process: Ix, change: Change) {
        // exec(2) ends the sharing of descriptors.
        if matches!(change, Change::Exec) {
            let copy = self.table(process).clone();
            self.processes[process].table = self.new_table(copy);
        }
        changed(&mut self.tables[self.processes[process].table], change);
    }

    /// A child that acted before its clone was reported did that to what it has from its parent.
    pub(super) fn inherits(&mut self, child: Ix, parent: Ix, shares: bool, early: &Early) {
        let (mine, of_parent) = (self.processes[child].table, self.processes[parent].table);
        let before = self.tables[mine].clone();
        if shares {
            // And so have those with which it shared already.
            for process in &mut self.processes {
                if process.table == mine {
                    process.table = of_parent;
                }
            }
        } else {
            self.tables[mine] = self.tables[of_parent].clone();
        }
        match &early.changes {
            Some(changes) => changes.iter().for_each(|change| self.changes(child, *change)),
            None => before.into_iter().for_each(|(fd, open)| self.changes(child, Change::Put(fd, open))),
        }
    }

    pub(super) fn put(&mut self, act: &Act<'_>, fd: i32, open: Open) {
        self.change(act, Change::Put(fd, open));
    }
}
