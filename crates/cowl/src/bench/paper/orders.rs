//! Transform and chaos in both orders.

use cowl_imaging::chaotic::{ChaoticKey, TransformOrder, round_trip_with_transform};
use cowl_imaging::dct::{Quality, psnr};

use super::Table;
use super::compression::{PUBLISHED, failed, percent};
use crate::bench::row::{Row, figure};
use crate::columns::Columns;
use crate::failure::Result;

pub(super) fn table() -> Result<Table> {
    let heads =
        ["image", "quality", "DCT, then chaos: size %", "PSNR dB", "chaos, then DCT: size %", "PSNR dB"];
    let mut columns = Columns::new(heads).right(1..6);
    let mut rows = Vec::new();
    let key = ChaoticKey::from_secret([7; 32]);
    for published in &PUBLISHED {
        let picture = published.picture();
        for quality in QUALITIES.into_iter().filter_map(Quality::new) {
            let mut cells = vec![published.name.to_owned(), quality.get().to_string()];
            for (name, order) in ORDERS {
                let (back, stored) =
                    round_trip_with_transform(&key, &picture, quality, order).map_err(failed)?;
                let decibels = psnr(picture.samples(), back.samples());
                cells.extend([figure(percent(stored, &picture)), figure(decibels)]);
                let id = format!("paper.order.{}.{}.{name}.psnr", published.name, quality.get());
                let what = format!("{} at quality {}, {name}", published.name, quality.get());
                rows.push(Row::new(id, what, "dB", decibels));
            }
            columns.row(cells);
        }
    }
    Ok(Table { title: "Transform before or after the chaotic scheme", notes: NOTES, columns, rows })
}

const ORDERS: [(&str, TransformOrder); 2] =
    [("dct-first", TransformOrder::BeforeEncryption), ("chaos-first", TransformOrder::AfterEncryption)];

const QUALITIES: [u8; 3] = [50, 90, 100];

const NOTES: &[&str] = &[
    "Both columns are ours; the paper publishes the second order and gives no PSNR for it alone. A transform after the chaotic",
    "scheme codes noise: it saves little, and every quantised byte spoils those after it, so that the image is lost.",
];
