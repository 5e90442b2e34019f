//! Days of the Gregorian calendar.

/// Days from 1970-01-01 to a day written `YYYY-MM-DD`; `None` for anything else.
pub fn days_since_1970(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-';
    let digits = |range: std::ops::Range<usize>| {
        let part = bytes.get(range).filter(|part| part.iter().all(u8::is_ascii_digit))?;
        Some(part.iter().fold(0i64, |number, digit| number * 10 + i64::from(digit - b'0')))
    };
    let (year, month, day) = (digits(0..4)?, digits(5..7)?, digits(8..10)?);
    let is_day = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
    (shape && is_day).then(|| days_before(year, month) + day - 1)
}

/// The day so many days after 1970-01-01, as `YYYY-MM-DD`; `None` outside the years 0000 to 9999.
pub fn day_since_1970(days: i64) -> Option<String> {
    let first = days_before(0, 1);
    let last = days_before(10_000, 1);
    if !(first..last).contains(&days) {
        return None;
    }
    // An average year is shorter than 366 days and longer than 365, so the guess is never too late.
    let guess = (days - first) / 366;
    let year = (guess..).take_while(|year| days_before(*year, 1) <= days).last()?;
    let month = (1..=12).take_while(|month| days_before(year, *month) <= days).last()?;
    Some(format!("{year:04}-{month:02}-{:02}", days - days_before(year, month) + 1))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to the first of the month.
fn days_before(year: i64, month: i64) -> i64 {
    const BEFORE_1970: i64 = 719_528;
    let before = year - 1;
    // Year 0 was a leap year and has 366 days.
    let years = if year > 0 { 366 + before * 365 + before / 4 - before / 100 + before / 400 } else { 0 };
    years + (1..month).map(|earlier| days_in(year, earlier)).sum::<i64>() - BEFORE_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970_and_back() {
        let known = [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11_016),
            ("2000-03-01", 11_017),
            ("2026-11-21", 20_778),
            ("1900-03-01", -25_508),
            ("0000-01-01", -719_528),
            ("9999-12-31", 2_932_896),
        ];
        for (text, days) in known {
            assert_eq!(days_since_1970(text), Some(days), "{text}");
            assert_eq!(day_since_1970(days).as_deref(), Some(text));
        }
    }

    #[test]
    fn every_day_of_ten_thousand_years_is_written_and_read() {
        let days = (-719_528..2_932_897).step_by(97).chain(10_950..11_400);
        for days in days {
            let text = day_since_1970(days).unwrap();
            assert_eq!(days_since_1970(&text), Some(days), "{text}");
        }
        assert_eq!((day_since_1970(-719_529), day_since_1970(2_932_897)), (None, None));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "1970-1-1",
            "1970-13-01",
            "1970-00-01",
            "1900-02-29",
            "2001-04-31",
            "1970-01-00",
            "1970/01/01",
            "1970-01-01T00",
            "19é0-01-1",
        ] {
            assert_eq!(days_since_1970(text), None, "{text}");
        }
    }
}
