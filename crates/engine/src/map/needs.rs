//! Which ids an automatic map has: what the image needs, between the bounds that storage.conf sets.
//!
//! `--userns=auto` is the plan and nothing else, for root as for others: a window, one id for nobody, one for each outlier. So it is
//! the same map wherever the image runs, and `map plan` shows it. Root's default, and `--userns=private`, is the plan *and the rest
//! of the container's slot*: the slot is the container's alone in any case, more ids of it cost nothing, and programs that choose
//! ids by themselves (`useradd -u 10001`, unpacking an archive) find them. In a sparse map they fail with
//! `EINVAL`, of which nobody can tell them why.
//!
//! The bounds are Podman's: a map has at least `auto-userns-min-size` ids from 0 on, and is refused if it needed more than
//! `auto-userns-max-size`. With `size=` the person has decided, and neither counts. Podman compares the highest id;
//! here it is the number of ids that is compared, since a far id costs one id and not all below it. Podman's own
//! bounds where the file has none are not taken over: its least is the usual window, its greatest would refuse images that run.

use diag::{Error, Result, codes};
use idmap::{Auto, FULL, ImageIds, Kind, Needs, grouped};

use crate::containers_conf::ContainersConf;

/// How much a map has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breadth {
    /// What is needed.
    Sparse,
    /// What is needed, and the rest of a slot of root's.
    WholeSlot,
}

/// Plans one kind of ids. What a plan has for programs to choose from never makes it larger than a slot.
///
/// Errors: UR0208 if more ids are needed than storage.conf allows.
pub fn needs(auto: &Auto, image: &ImageIds, kind: Kind, breadth: Breadth, conf: &ContainersConf) -> Result<Needs> {
    if let Some(size) = auto.size {
        return Ok(Needs::window(size));
    }
    let least = conf.auto_userns_min_size.as_ref().map_or(0, |least| least.value);
    let plan = Needs::of_image(image);
    let most = conf.auto_userns_max_size.as_ref();
    if let Some(most) = most.filter(|most| plan.count().max(least.into()) > u64::from(most.value)) {
        return Err(most.blame(too_many(&plan.at_least(least), kind, most.value)));
    }
    let most = most.map_or(u64::MAX, |most| most.value.into());
    let slot = u64::from(FULL);
    Ok(match breadth {
        Breadth::Sparse => plan.at_least(least).within(most.min(slot.max(least.into()))),
        Breadth::WholeSlot => plan.at_least(least).widened(FULL).within(most.min(slot)),
    })
}

fn too_many(plan: &Needs, kind: Kind, most: u32) -> Error {
    let largest = plan.parts().iter().max_by_key(|part| part.ids.end() - part.ids.start());
    let error = Error::new(
        codes::UR0208,
        format!(
            "the container needs {} {kind}s, but an automatic map may have {} at most",
            grouped(plan.count()),
            grouped(most.into())
        ),
    );
    let error = largest.iter().fold(error, |error, part| error.fact(part.to_string()));
    error.help("say how many ids it is to have with `--userns=auto:size=N`: this limit does not touch that")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Given;

    fn image(files: &str) -> ImageIds {
        ImageIds { files: files.parse().unwrap(), ..ImageIds::default() }
    }

    fn planned(image: &ImageIds, breadth: Breadth, least: Option<u32>, most: Option<u32>) -> Result<String> {
        let conf = ContainersConf {
            auto_userns_min_size: least.map(Given::unwritten),
            auto_userns_max_size: most.map(Given::unwritten),
            ..ContainersConf::default()
        };
        needs(&Auto::default(), image, Kind::Uid, breadth, &conf).map(|needs| needs.ids().to_string())
    }

    #[test]
    fn sparse_or_the_whole_slot() {
        let show = image("0,101,65534,1000650000");
        assert_eq!(planned(&show, Breadth::Sparse, None, None).unwrap(), "0-1023,65534,1000650000");
        assert_eq!(planned(&show, Breadth::WholeSlot, None, None).unwrap(), "0-65534,1000650000");
        let systemd = ImageIds { systemd: true, ..show };
        assert_eq!(planned(&systemd, Breadth::Sparse, None, None).unwrap(), "0-65534,1000650000");
        let least = planned(&image("0"), Breadth::Sparse, Some(100_000), None);
        assert_eq!(least.unwrap(), "0-99999");
    }

    #[test]
    fn a_size_is_a_size() {
        let auto = Auto { size: Some(50), ..Auto::default() };
        let conf = ContainersConf { auto_userns_max_size: Some(Given::unwritten(10)), ..ContainersConf::default() };
        let plan = needs(&auto, &image("0,9000"), Kind::Uid, Breadth::WholeSlot, &conf).unwrap();
        assert_eq!(plan, Needs::window(50));
    }

    #[test]
    fn bounds() {
        let small = image("0");
        assert_eq!(planned(&small, Breadth::Sparse, Some(4096), None).unwrap(), "0-4095,65534");
        assert_eq!(planned(&small, Breadth::Sparse, Some(4096), Some(4096)).unwrap(), "0-4094,65534");
        assert_eq!(planned(&small, Breadth::Sparse, Some(10), Some(1025)).unwrap(), "0-1023,65534");
        assert_eq!(planned(&small, Breadth::WholeSlot, None, Some(2000)).unwrap(), "0-1998,65534");
        for (least, most) in [(None, 1024), (Some(4097), 4096)] {
            assert_eq!(planned(&small, Breadth::Sparse, least, Some(most)).unwrap_err().code(), codes::UR0208);
        }
    }
}
