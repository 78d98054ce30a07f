//! An image as a document.

use diag::Result;
use serde_json::{Map, Value as Json, json};
use store::image::{Documents, Image, Images};

use crate::{Engine, images::repo_digests, request::Given};

impl Engine<'_> {
    /// All about an image. Errors: UR0701, UR0702, UR0713.
    pub(super) fn inspect_image(&self, name: &Given<String>) -> Result<Json> {
        let image = self.image(name)?;
        let documents = Images::of(&self.store).documents(&image)?;
        Ok(document(&image, &documents))
    }
}

fn document(image: &Image, documents: &Documents) -> Json {
    // Both were read strictly when the image was looked up.
    let read = |text: &str| serde_json::from_str::<Map<String, Json>>(text).unwrap_or_default();
    let (config, manifest) = (read(&documents.config_text), read(&documents.manifest_text));
    let text = |name: &str| config.get(name).filter(|value| value.is_string()).cloned().unwrap_or_else(|| json!(""));
    let inner = config.get("config").filter(|value| value.is_object()).cloned().unwrap_or_else(|| json!({}));
    let history = config.get("history").filter(|value| value.is_array()).cloned().unwrap_or_else(|| json!([]));
    let comment = history.as_array().and_then(|steps| steps.last()?.get("comment").cloned());
    let names: Vec<String> = image.names.iter().map(ToString::to_string).collect();
    let tags: Vec<&String> =
        image.names.iter().zip(&names).filter_map(|(name, text)| name.tag().map(|_| text)).collect();
    let layers: Vec<String> = image.layers.iter().map(ToString::to_string).collect();
    let annotations = manifest.get("annotations").filter(|value| value.is_object());
    let mut all = json!({
        "Id": image.id.hex(),
        "Digest": image.manifest.to_string(),
        "RepoTags": tags,
        "RepoDigests": repo_digests(image),
        "Parent": "",
        "Comment": comment.unwrap_or_else(|| json!("")),
        "Created": text("created"),
        "Config": inner,
        "Version": text("docker_version"),
        "Author": text("author"),
        "Architecture": text("architecture"),
        "Os": text("os"),
        "Size": image.size,
        "VirtualSize": image.size,
        "GraphDriver": {"Name": "overlay", "Data": null},
        "RootFS": {"Type": "layers", "Layers": layers},
        "Labels": inner.get("Labels").cloned().unwrap_or(Json::Null),
        "Annotations": annotations.cloned().unwrap_or_else(|| json!({})),
        "ManifestType": documents.manifest_type,
        "User": image.config.user,
        "History": history,
        "NamesHistory": names,
    });
    for (name, value) in [("Variant", config.get("variant")), ("HealthCheck", inner.get("Healthcheck"))] {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            all[name] = value.clone();
        }
    }
    all
}
