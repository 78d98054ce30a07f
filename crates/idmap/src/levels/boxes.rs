//! The characters that pictures in a terminal are made of.

/// A set of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// The upper and lower edge of a box.
    pub edge: char,
    /// The edge between boxes whose ids do not continue each other.
    pub torn: char,
    /// The side of a box.
    pub side: char,
    /// The side of a gap.
    pub ghost: char,
    /// Corners: upper left, upper right, lower left, lower right.
    pub corners: [char; 4],
    /// Where an edge meets the left and the right side.
    pub tees: [char; 2],
    /// A link for one id: where it leaves a box, itself, and where it enters the next.
    pub link: [char; 3],
    /// A link for several ids.
    pub band: [char; 3],
    /// Stands for ids between the first and the last.
    pub between: char,
    /// Between the first and the last id on one line.
    pub to: char,
    /// The end of what was cut.
    pub cut: &'static str,
}

impl Glyphs {
    /// For a UTF-8 locale.
    pub const BOXES: Glyphs = Glyphs {
        edge: '─',
        torn: '╌',
        side: '│',
        ghost: '┊',
        corners: ['┌', '┐', '└', '┘'],
        tees: ['├', '┤'],
        link: ['├', '─', '┤'],
        band: ['╞', '═', '╡'],
        between: '┊',
        to: '–',
        cut: "…",
    };

    /// For all others.
    pub const ASCII: Glyphs = Glyphs {
        edge: '-',
        torn: '.',
        side: '|',
        ghost: ':',
        corners: ['+'; 4],
        tees: ['+'; 2],
        link: ['+', '-', '+'],
        band: ['+', '=', '+'],
        between: ':',
        to: '-',
        cut: "~",
    };

    /// The characters of the edge between two boxes of a column: left, middle, right. `upper` and `lower` say whether there is
    /// one, `torn` that their ids do not continue each other.
    pub(super) fn edge(&self, upper: bool, lower: bool, torn: bool) -> Option<[char; 3]> {
        let [upper_left, upper_right, lower_left, lower_right] = self.corners;
        match (upper, lower) {
            (true, true) => Some([self.tees[0], if torn { self.torn } else { self.edge }, self.tees[1]]),
            (true, false) => Some([lower_left, self.edge, lower_right]),
            (false, true) => Some([upper_left, self.edge, upper_right]),
            (false, false) => None,
        }
    }
}
