//! The same for programs.

use idmap::{IdMap, levels::View};
use serde_json::{Value as Json, json};

use super::{Bar, ImageIds, Picture, Shown, Words};

impl Shown {
    /// As JSON.
    pub fn to_json(&self) -> Json {
        match self {
            Shown::Picture(picture) => picture.to_json(),
            Shown::Image(image) => image.to_json(),
            Shown::Words(words) => words.to_json(),
        }
    }
}

impl Picture {
    /// The namespaces, the maps between them as triples, and the ids that stay together through all of them.
    pub fn to_json(&self) -> Json {
        let levels: Vec<Json> =
            self.levels.columns.iter().map(|level| json!({ "title": level.title, "detail": level.detail })).collect();
        let map = |map: &IdMap| json!({ "uid": map.uid, "gid": map.gid });
        let maps: Vec<Json> = self.levels.maps.iter().map(map).collect();
        let strands: serde_json::Map<String, Json> =
            self.levels.views().iter().map(|view| (format!("{}s", view.word()), strands(view))).collect();
        json!({
            "type": self.what,
            "name": self.name,
            "levels": levels,
            "maps": maps,
            "strands": strands,
            "notes": self.notes,
        })
    }
}

fn strands(view: &View) -> Json {
    view.strands.iter().map(|strand| json!({ "starts": strand.starts, "count": strand.len })).collect()
}

impl ImageIds {
    fn to_json(&self) -> Json {
        let bars = |bars: &[Bar]| -> Json {
            bars.iter().map(|bar| json!({ "id": bar.owner.id, "name": bar.owner.name, "files": bar.files })).collect()
        };
        json!({ "type": "image", "name": self.name, "uids": bars(&self.uids), "gids": bars(&self.gids) })
    }
}

impl Words {
    fn to_json(&self) -> Json {
        json!({ "type": self.what, "name": self.name, "levels": [], "maps": [], "notes": self.lines })
    }
}
