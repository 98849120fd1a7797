//! Programs and scripts that are run and that nobody was seen to write: the image's, or moved here by who wrote them.

use super::super::State;
use super::super::files::Stays;
use super::super::image::Answer;
use super::super::moved::{Inode, Made};
use super::super::path::is_canonical;
use super::super::program::{Derivation, FileSerial, Making, Origin, Provenance, is_foreign};
use super::Acting;
use super::descriptors::origin_of;

/// Where a file lies, as far as the sentry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    /// It does not say.
    Unsaid,
    /// Not in the image.
    Upper,
}

/// Directories for what comes and goes: no image brings programs there.
const SCRATCH: &[&[u8]] = &[b"/tmp/", b"/var/tmp/", b"/dev/shm/", b"/run/"];

impl State {
    /// Where a file came from that is about to be run and of which nothing is known.
    pub(super) fn arrived(&mut self, acting: &Acting<'_>, path: &[u8], layer: Layer) -> Provenance {
        let answer = match layer {
            Layer::Upper => Answer::No,
            Layer::Unsaid => self.ask_image(acting, path),
        };
        let made = match answer {
            // What the image has there may have been replaced by a rename that was not understood.
            Answer::Yes => Made::Somewhere,
            Answer::Unknown if !SCRATCH.iter().any(|dir| path.starts_with(dir)) => Made::Somewhere,
            Answer::Unknown | Answer::No => Made::Here,
        };
        if let Some(provenance) = self.moved_to(acting, path, made) {
            return provenance;
        }
        let origin = match answer {
            Answer::Yes => Origin::Image,
            Answer::No => Origin::Created,
            Answer::Unknown => Origin::Unknown,
        };
        Provenance { origin, derivation: None }
    }

    /// Whether the image holds the file, as far as anyone can tell.
    pub(super) fn is_in_image(&mut self, acting: &Acting<'_>, path: &[u8]) -> bool {
        self.ask_image(acting, path) == Answer::Yes
    }

    /// Asks the image's keeper, once for each file.
    fn ask_image(&mut self, acting: &Acting<'_>, path: &[u8]) -> Answer {
        let Some(image) = self.image.clone().filter(|_| is_canonical(path)) else { return Answer::Unknown };
        let Some(file) = self.file_at(acting, path) else { return Answer::Unknown };
        if let Some(answer) = self.file(acting, file).and_then(|file| file.in_image) {
            return answer;
        }
        let Some(container) = self.container_mut(acting.container) else { return Answer::Unknown };
        let answer = image.contains(&container.id, path);
        container.files.image_said(file, answer);
        answer
    }

    /// A program renamed or linked something by itself, most likely what it had just written.
    pub(super) fn moved_its_own(&mut self, acting: &Acting<'_>) {
        let Some(process) = self.processes.get(acting.process) else { return };
        let (wrote, making) = (process.wrote, process.making());
        let derivation = wrote
            .and_then(|file| self.provenance_of(acting, file))
            .and_then(|provenance| provenance.derivation);
        let Some(container) = self.container_mut(acting.container) else { return };
        match derivation {
            Some(derivation) => container.moved.note(&derivation, acting.time),
            None if making == Making::Installed => {}
            None => container.moved.note_stranger(),
        }
    }

    /// A foreign program is run: it will be known by its inode, whatever its next name.
    pub(super) fn ran(&mut self, acting: &Acting<'_>, inode: Option<Inode>, provenance: &Provenance) {
        if let Some(inode) = inode.filter(|_| is_foreign(provenance.origin))
            && let Some(container) = self.container_mut(acting.container)
        {
            container.moved.note_run(inode, provenance);
        }
    }

    /// What a program of that inode was when it ran under another name.
    pub(super) fn ran_before(&self, acting: &Acting<'_>, inode: Option<Inode>) -> Option<Provenance> {
        self.containers.get(usize::from(acting.container.0))?.moved.ran(inode?).cloned()
    }

    /// The file at `path` by way of a rename of which the names were not seen.
    fn moved_to(&mut self, acting: &Acting<'_>, path: &[u8], made: Made) -> Option<Provenance> {
        // dpkg unpacks all of a package before it renames the first file, but its names are known.
        let unpacked = [path, b".dpkg-new"].concat();
        if let Some(file) = self.find_file(acting, &unpacked)
            && let Some(container) = self.container_mut(acting.container)
        {
            container.files.renamed(&unpacked, path, Stays::No);
            return self.provenance_of(acting, file);
        }
        let container = self.container_mut(acting.container)?;
        let (old, time) = container.moved.at(path, made)?.clone();
        let file = self.file_at(acting, path)?;
        let serial = self.file(acting, file).map_or(FileSerial(0), |file| file.serial);
        let derivation = Derivation::new(
            serial,
            path.into(),
            old.writer.clone(),
            time,
            old.source.clone(),
            old.making,
            &self.budget,
        );
        let origin = origin_of(&derivation);
        let provenance = Provenance { origin, derivation: Some(derivation) };
        let container = self.container_mut(acting.container)?;
        container.files.written(file, time, provenance.clone());
        Some(provenance)
    }
}
