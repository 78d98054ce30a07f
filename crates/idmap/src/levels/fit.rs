//! How wide things are in a terminal of a given width.

use super::Levels;

/// How wide a link is, and how wide at least.
const LINKS: [usize; 2] = [6, 3];
/// How wide a box's contents are at least: any id.
pub(super) const NARROWEST: usize = 10;

/// The widths of the boxes' contents, of the links, and of the amounts, so that a line fits, as far as possible: links are made
/// shorter first, then names are cut, then the amounts are left out.
pub(super) fn fitted(natural: &[usize], amount: usize, width: usize) -> (Vec<usize>, usize, usize) {
    let frame = |link: usize, amount: usize| {
        let amounts = if amount > 0 { amount + 2 } else { 0 };
        4 * natural.len() + link * (natural.len() - 1) + amounts
    };
    for (link, amount) in [(LINKS[0], amount), (LINKS[1], amount), (LINKS[1], 0)] {
        let room = width.saturating_sub(frame(link, amount));
        let fits = natural.iter().sum::<usize>() <= room;
        let squeezed = squeezed(natural, room);
        // Cutting names is better than leaving the amounts out.
        if fits || (link == LINKS[1] && squeezed.iter().sum::<usize>() <= room) {
            return (if fits { natural.to_vec() } else { squeezed }, link, amount);
        }
    }
    (squeezed(natural, 0), LINKS[1], 0)
}

/// Takes from the widest until the sum fits, but leaves each room for an id.
fn squeezed(natural: &[usize], room: usize) -> Vec<usize> {
    let mut widths = natural.to_vec();
    while widths.iter().sum::<usize>() > room {
        match widths.iter_mut().max() {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            _ => break,
        }
    }
    widths
}

/// Gives titles the room that is left.
pub(super) fn widened(
    mut widths: Vec<usize>,
    levels: &Levels,
    link: usize,
    amounts: usize,
    width: usize,
) -> Vec<usize> {
    let amounts = if amounts > 0 { amounts + 2 } else { 0 };
    let used = widths.iter().sum::<usize>() + 4 * widths.len() + link * (widths.len() - 1) + amounts;
    let mut left = width.saturating_sub(used);
    for (own, level) in widths.iter_mut().zip(&levels.columns) {
        let title = level.title.chars().count().max(level.detail.chars().count());
        let more = title.saturating_sub(*own + 1 + link).min(left);
        *own += more;
        left -= more;
    }
    widths
}
