//! What was found, for people and for programs.

use std::fmt::Write as _;

use idmap::{
    grouped,
    line::{list, overlaps, picture, svg, system_accounts},
};
use serde_json::{Value, json};

use super::{Claim, Claims};

impl Claims {
    /// Whether two owners claim the same ids.
    pub fn have_overlaps(&self) -> bool {
        !overlaps(&self.all).is_empty()
    }

    /// The line of all ids, `width` columns wide, the claims by rising ids, and what is claimed by two.
    pub fn to_text(&self, width: usize) -> String {
        let found = overlaps(&self.all);
        let mut text = picture(&self.all, &found, width);
        let (count, ids) = system_accounts(&self.all);
        let _ =
            writeln!(text, "\nbelow 1000: {} accounts of users and groups ({})", grouped(count as u64), ids.brief(4));
        text + &list(&self.all, &found)
    }

    /// The same as a picture.
    pub fn to_svg(&self) -> String {
        svg(&self.all, &overlaps(&self.all))
    }

    /// The same for programs: `claims` and `overlaps`.
    pub fn to_json(&self) -> Value {
        let claims: Vec<Value> = self.all.iter().map(claim).collect();
        let overlaps: Vec<Value> = overlaps(&self.all)
            .iter()
            .map(|overlap| {
                json!({
                    "kind": overlap.first.kind.name(),
                    "first": overlap.ids.start(),
                    "last": overlap.ids.end(),
                    "claims": [claim(overlap.first), claim(overlap.second)],
                    "danger": overlap.danger(),
                })
            })
            .collect();
        json!({ "claims": claims, "overlaps": overlaps })
    }
}

fn claim(claim: &Claim) -> Value {
    json!({
        "kind": claim.kind.name(),
        "first": claim.ids.start(),
        "last": claim.ids.end(),
        "count": claim.count(),
        "owner": claim.owner,
        "what": claim.what.word(),
        "source": claim.source,
    })
}
