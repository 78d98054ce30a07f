use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{Extents, MAX_BYTES, MAX_EXTENTS, Pool, Slot, assign};

fn image(files: &str, accounts: &str, process: &str) -> ImageIds {
    let set = |text: &str| text.parse().unwrap();
    ImageIds { files: set(files), accounts: set(accounts), process: set(process), ..ImageIds::default() }
}

#[test]
fn windows_and_outliers() {
    let cases = [
        (image("0", "0-100,65534", "0"), "0-1023,65534"),
        (image("0,1000", "0-100,1500", ""), "0-1500,65534"),
        (image("0", "0,2047", "3000"), "0-3000,65534"),
        (image("0", "0,2048", ""), "0-1023,2048,65534"),
        (image("0,205001", "0-42,65534", "1000650000"), "0-1023,65534,205001,1000650000"),
        (image("65534", "65534", "65534"), "0-1023,65534"),
        (image("65532", "0,65532,65534", "65532"), "0-1023,65532,65534"),
        (image("", "4294967295", "4294967294"), "0-1023,65534,4294967294"),
        (ImageIds { systemd: true, ..image("0,70000", "", "") }, "0-65535,70000"),
        (image("0-70000", "", ""), "0-70000"),
    ];
    for (image, expected) in cases {
        let plan = Needs::of_image(&image);
        assert_eq!(plan.ids().to_string(), expected, "{image:?}");
    }
}

#[test]
fn each_part_has_its_reason() {
    let plan = Needs::of_image(&image("0,9000,9001", "9002,20000", "9000"));
    let said: Vec<_> = plan.parts().iter().map(|part| (part.ids.clone(), part.reason)).collect();
    let expected = [
        (0..=1023, Reason::Window),
        (9000..=9000, Reason::Process),
        (9001..=9001, Reason::Files),
        (9002..=9002, Reason::Accounts),
        (20_000..=20_000, Reason::Accounts),
        (65_534..=65_534, Reason::Nobody),
    ];
    assert_eq!(said, expected);
    assert_eq!(plan.parts()[1].to_string(), "9000: the container's process has this id");
    assert_eq!(plan.widened(65_536).ids().to_string(), "0-65535");
    assert_eq!(plan.widened(10), plan);
    assert!(plan.to_string().ends_with("\n1029 ids"), "{plan}");
}

#[test]
fn rarer_reasons() {
    let set = |text: &str| text.parse().unwrap();
    let plan = Needs::of_image(&ImageIds {
        volumes: set("7000"),
        acls: set("7000,8000"),
        capabilities: set("8000,9000"),
        ..image("0,7000", "0", "0")
    })
    .wishing(&set("5,1500,9000,10000"));
    let said: Vec<_> = plan.parts().iter().skip(1).map(|part| (*part.ids.start(), part.reason.word())).collect();
    let expected =
        [(1500, "wish"), (7000, "volume"), (8000, "acl"), (9000, "capability"), (10_000, "wish"), (65_534, "nobody")];
    assert_eq!(said, expected);
}

#[test]
fn a_least_size() {
    let plan = Needs::of_image(&image("0,1500", "", "")).at_least(4096);
    assert_eq!(plan.ids().to_string(), "0-4095,65534");
    assert_eq!(plan.parts()[1], Part { ids: 1501..=4095, reason: Reason::Least });
    assert_eq!(plan.at_least(10), plan);
}

#[test]
fn what_is_for_choice_gives_way() {
    let image = ImageIds { systemd: true, ..image("0,40000,70000-70009,1000650000", "", "") };
    let plan = Needs::of_image(&image);
    assert_eq!((plan.count(), plan.ids().to_string().as_str()), (65_547, "0-65535,70000-70009,1000650000"));
    let fitting = plan.within(65_536);
    assert_eq!(fitting.ids().to_string(), "0-65523,65534,70000-70009,1000650000");
    assert_eq!(fitting.count(), 65_536);
    let least = Needs::of_image(&ImageIds { systemd: false, ..image });
    assert_eq!(plan.within(0), least);
    assert_eq!(least.widened(2000).within(1100).ids().to_string(), "0-1086,40000,65534,70000-70009,1000650000");
    assert_eq!(least.within(u64::MAX), least);
    assert_eq!(Needs::window(50).within(3), Needs::window(50));
}

#[test]
fn coarser_maps_the_smallest_gaps() {
    let plan = Needs::of_image(&image("0,3000,3002,3010,9000", "", ""));
    assert_eq!(plan.ids().to_string(), "0-1023,3000,3002,3010,9000,65534");
    assert_eq!(plan.coarser(5).ids().to_string(), "0-1023,3000-3002,3010,9000,65534");
    assert_eq!(plan.coarser(3).ids().to_string(), "0-3010,9000,65534");
    assert_eq!(plan.coarser(0).ids().to_string(), "0-65534");
    assert_eq!(plan.coarser(100), plan);
}

/// Ids of all sizes: most images have small ones.
fn ids() -> impl Strategy<Value = IdSet> {
    let id = prop_oneof![6 => 0..1100_u32, 3 => 1000..70_000_u32, 1 => any::<u32>()];
    vec(id, 0..60).prop_map(|ids| ids.into_iter().collect())
}

prop_compose! {
    fn any_image()(
        files in ids(), accounts in ids(), volumes in ids(), acls in ids(), capabilities in ids(), process in ids(),
        systemd in any::<bool>(),
    ) -> ImageIds {
        ImageIds { files, accounts, volumes, acls, capabilities, process, systemd }
    }
}

/// All that can be mapped of what the image has.
fn wanted(image: &ImageIds) -> IdSet {
    let all = image.sources().into_iter().fold(IdSet::new(), |all, (ids, _)| all.union(ids));
    all.difference(&[LAST_ID + 1].into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_id_of_an_image_is_in_one_part(image in any_image()) {
        let plan = Needs::of_image(&image);
        prop_assert!(wanted(&image).difference(&plan.ids()).is_empty());
        prop_assert!(plan.parts().windows(2).all(|pair| pair[0].ids.end() < pair[1].ids.start()));
        prop_assert!(plan.ids().last() <= Some(LAST_ID));
    }

    #[test]
    fn what_is_needed_never_gives_way(image in any_image(), least in 0..100_000_u32, most in 0..100_000_u64) {
        let plan = Needs::of_image(&image).at_least(least);
        let fitting = plan.within(most);
        prop_assert!(wanted(&image).difference(&fitting.ids()).is_empty());
        prop_assert!(fitting.ids().contains(NOBODY));
        prop_assert!(fitting.ids().difference(&plan.ids()).is_empty());
        let bare = Needs::of_image(&ImageIds { systemd: false, ..image });
        prop_assert_eq!(fitting.count(), plan.count().min(most.max(bare.count())));
    }

    #[test]
    fn a_plan_for_a_slot_becomes_a_map_that_the_kernel_takes(image in any_image(), wishes in vec((any::<u32>(), 1..400_000_u32), 0..4)) {
        let wishes: IdSet = wishes.into_iter().map(|(id, _)| id.min(LAST_ID)).collect();
        let plan = Needs::of_image(&image).within(FULL.into()).wishing(&wishes);
        prop_assert!(wishes.difference(&plan.ids()).is_empty());
        prop_assume!(plan.count() <= FULL.into());
        let map = assign(&plan, &Extents::default(), &Pool::slot(Slot::at(7).unwrap())).unwrap();
        prop_assert!(map.missing(&plan.ids()).is_empty());
        prop_assert!(map.len() <= MAX_EXTENTS && map.to_kernel().len() <= MAX_BYTES);
    }
}
