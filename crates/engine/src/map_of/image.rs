//! Which ids the files of an image have.

use std::fmt::Write;

use diag::Result;
use idmap::{Kind, grouped};
use store::image::Images;

use super::Shown;
use crate::{
    Engine,
    accounts::{Accounts, Named},
    image_facts::Layers,
    request::Given,
};

/// How wide the longest bar is.
const BAR: usize = 32;
/// So many ids of a kind are shown.
const MOST: usize = 20;

/// One owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Whose.
    pub owner: Named,
    /// How many files.
    pub files: u64,
}

/// The owners of an image's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageIds {
    /// The image's name, as it was written.
    pub name: String,
    /// Its users, by rising ids.
    pub uids: Vec<Bar>,
    /// Its groups, by rising ids.
    pub gids: Vec<Bar>,
}

impl ImageIds {
    /// As bars of text.
    pub fn to_text(&self, ascii: bool) -> String {
        let widths = [&self.uids, &self.gids].map(|bars| Widths::of(bars));
        let widths = widths[0].max(widths[1]);
        let mut text = format!("image {}: {} files\n", self.name, grouped(files(&self.uids)));
        for (kind, bars) in [(Kind::Uid, &self.uids), (Kind::Gid, &self.gids)] {
            text.push('\n');
            text.push_str(&table(kind, bars, widths, ascii));
        }
        let _ = writeln!(text, "\nwhich map such an image needs: unroot map plan {}", self.name);
        text
    }
}

/// How wide the columns are.
#[derive(Clone, Copy)]
struct Widths {
    ids: usize,
    names: usize,
    counts: usize,
}

impl Widths {
    fn of(bars: &[Bar]) -> Widths {
        let widest = |length: &dyn Fn(&Bar) -> usize| bars.iter().map(length).max().unwrap_or(0);
        Widths {
            ids: widest(&|bar| bar.owner.id.to_string().len()).max(4),
            names: widest(&|bar| bar.owner.name.as_ref().map_or(0, |name| name.chars().count())).max(4),
            counts: widest(&|bar| grouped(bar.files).len()).max(5),
        }
    }

    fn max(self, other: Widths) -> Widths {
        Widths {
            ids: self.ids.max(other.ids),
            names: self.names.max(other.names),
            counts: self.counts.max(other.counts),
        }
    }
}

fn files(bars: &[Bar]) -> u64 {
    bars.iter().map(|bar| bar.files).sum()
}

fn table(kind: Kind, bars: &[Bar], widths: Widths, ascii: bool) -> String {
    let Widths { ids, names, counts } = widths;
    let most = bars.iter().map(|bar| bar.files).max().unwrap_or(1).max(1);
    let mut text = format!("{:>ids$}  {:<names$}  {:>counts$}\n", kind.name(), "name", "files");
    for Bar { owner, files } in bars.iter().take(MOST) {
        let (name, drawn) = (owner.name.as_deref().unwrap_or_default(), bar(*files, most, ascii));
        let _ = writeln!(text, "{:>ids$}  {name:<names$}  {:>counts$}  {drawn}", owner.id, grouped(*files));
    }
    if bars.len() > MOST {
        let _ = writeln!(text, "{:>ids$}  and {} more", "", bars.len() - MOST);
    }
    text
}

/// A bar in eighths of a character; what is there is seen, however little it is.
fn bar(count: u64, most: u64, ascii: bool) -> String {
    const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];
    let eighths = u128::from(count) * (BAR as u128) * 8 / u128::from(most);
    let eighths = usize::try_from(eighths).unwrap_or(usize::MAX).clamp(1, BAR * 8);
    if ascii {
        return "#".repeat(eighths.div_ceil(8));
    }
    let mut bar = "█".repeat(eighths / 8);
    bar.extend((!eighths.is_multiple_of(8)).then(|| EIGHTHS[eighths % 8 - 1]));
    bar
}

impl Engine<'_> {
    /// The owners of an image's files, as they were counted when it was unpacked.
    pub(super) fn show_image(&self, word: &Given<String>) -> Result<Shown> {
        let image = Images::of(&self.store).resolve(&word.value).map_err(|error| word.blame(error))?;
        let facts = Layers::open(&self.store, &image.layers)?.facts(&word.value)?;
        let accounts = Accounts { passwd: facts.passwd, group: facts.group };
        let bars = |kind: Kind, files: &std::collections::BTreeMap<u32, u64>| {
            files.iter().map(|(id, count)| Bar { owner: Named::of(&accounts, kind, *id), files: *count }).collect()
        };
        let (uids, gids) = (bars(Kind::Uid, &facts.uid_files), bars(Kind::Gid, &facts.gid_files));
        Ok(Shown::Image(Box::new(ImageIds { name: word.value.clone(), uids, gids })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_bars() {
        let bar = |id, name: Option<&str>, files| Bar { owner: Named { id, name: name.map(str::to_owned) }, files };
        let image = ImageIds {
            name: "redis:7".into(),
            uids: vec![bar(0, Some("root"), 11_842), bar(101, Some("redis"), 29), bar(1_000_650_000, None, 1)],
            gids: (0..25).map(|id| bar(id, None, u64::from(id) * 100)).collect(),
        };
        insta::assert_snapshot!(image.to_text(false));
        assert!(image.to_text(true).is_ascii());
    }
}
