use super::*;
use crate::volume::{Grid, Placement};

/// Two voxels to the patient's left are bright, in a grid whose first axis runs from right to left.
fn volume() -> Volume {
    let rows = [[-2.0, 0.0, 0.0, 9.0], [0.0, 2.0, 0.0, -9.0], [0.0, 0.0, 4.0, -8.0]];
    let grid = Grid { sizes: [10, 10, 5], placement: Placement::from_rows(rows).unwrap() };
    let voxels = (0..500).map(|at| if at % 10 >= 8 { 1.0 } else { 0.0 }).collect();
    Volume::new(grid, voxels).unwrap()
}

#[test]
fn the_patients_left_is_on_the_left_whatever_way_the_files_axis_runs() {
    let volume = volume();
    let picture = slice(&View::of(&volume, 19), Plane::Axial, &volume, None);
    assert_eq!((picture.width(), picture.height(), picture.channels()), (19, 19, Channels::Gray));
    assert_eq!((picture.samples()[0], picture.samples()[18]), (255, 0));
}

#[test]
fn slices_are_drawn_in_millimetres() {
    let volume = volume();
    let picture = slice(&View::of(&volume, 19), Plane::Coronal, &volume, None);
    assert_eq!((picture.width(), picture.height()), (19, 17), "18 mm wide, 16 mm high");
}

#[test]
fn labels_colour_what_they_cover_and_leave_the_rest_gray() {
    let volume = volume();
    let labels = volume.clone();
    let picture = three_planes(&View::of(&volume, 19), &volume, Some(Over::Labels(&labels)));
    assert_eq!(picture.channels(), Channels::Rgb);
    let coloured = |pixel: &[u8]| pixel[0] != pixel[1];
    let count = picture.samples().chunks_exact(3).filter(|pixel| coloured(pixel)).count();
    assert!(count > 0 && count < picture.width() * picture.height() / 3, "{count}");
}

#[test]
fn heat_shows_only_what_exceeds_the_threshold() {
    let volume = volume();
    let view = View::of(&volume, 19);
    let all = Over::Heat { values: &volume, threshold: 0.5 };
    let none = Over::Heat { values: &volume, threshold: 2.0 };
    let coloured = |over| {
        let picture = slice(&view, Plane::Axial, &volume, Some(over));
        picture.samples().chunks_exact(3).filter(|pixel| pixel[0] != pixel[2]).count()
    };
    assert!(coloured(all) > 0);
    assert_eq!(coloured(none), 0);
}

#[test]
fn masked_numbers_show_their_highest_bits() {
    assert_eq!(masked_bytes(&[0xff << 32, 0xab_cdef_0123], 40), [0xff, 0xab]);
    assert_eq!(masked_bytes(&[u64::MAX], 64), [255]);
}

#[test]
fn masked_voxels_are_drawn_where_the_volume_is() {
    let volume = volume();
    let view = View::of(&volume, 19);
    let numbers: Vec<u64> = (0..500).map(|at| (at * 0x1234_5678_9abc) & 0xff_ffff_ffff).collect();
    let noise = three_planes_of_masked(&view, &volume, &numbers, 40).unwrap();
    let clear = three_planes(&view, &volume, None);
    assert_eq!((noise.width(), noise.height()), (clear.width(), clear.height()));
    assert!(three_planes_of_masked(&view, &volume, &numbers[1..], 40).is_none());
}

#[test]
fn pictures_come_back_from_png() {
    let volume = volume();
    for over in [None, Some(Over::Labels(&volume))] {
        let picture = three_planes(&View::of(&volume, 19), &volume, over);
        assert_eq!(DisplayImage::decode(&picture.png().unwrap()).unwrap(), picture);
    }
}
