//! Times as people write and read them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use cowl_domain::Timestamp;
use jiff::civil::Date;
use jiff::{SignedDuration, Span, ToSpan, Zoned};
use serde::{Serialize, Serializer};

/// A moment: local time for people, RFC 3339 in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(jiff::Timestamp);

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
        Self(jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.0.to_zoned(jiff::tz::TimeZone::system());
        f.pad(&local.strftime("%Y-%m-%d %H:%M").to_string())
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// When something is to end.
#[derive(Debug, Clone)]
pub(crate) enum Until {
    /// This long from now.
    After(Span),
    /// With the end of a day, local time.
    EndOf(Date),
    /// At a moment.
    At(jiff::Timestamp),
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let moment = text.parse().map(Self::At);
        let day = || text.parse().map(Self::EndOf);
        let span = || text.parse::<Span>().map(Self::After);
        // A day alone parses as no moment, and a span as neither.
        moment.or_else(|_| day()).or_else(|_| span()).map_err(|_: jiff::Error| {
            format!(
                "'{text}' is neither a day (2026-11-30), a moment (2026-11-30T18:00:00Z) nor a time (7d, 12h)"
            )
        })
    }
}

impl Until {
    /// The moment that is meant, seen from `now`.
    ///
    /// # Errors
    /// Says so when it is not in the future.
    pub(crate) fn resolve(&self, now: &Zoned) -> Result<Timestamp, String> {
        let end = match self {
            Self::After(span) => now.checked_add(*span).map(|end| end.timestamp()),
            Self::EndOf(day) => day
                .checked_add(1.day())
                .and_then(|next| next.to_zoned(now.time_zone().clone()))
                .map(|end| end.timestamp()),
            Self::At(moment) => Ok(*moment),
        };
        let end = end.map_err(|_| "that is beyond the end of the calendar".to_owned())?;
        match u64::try_from(end.as_millisecond()) {
            Ok(millis) if end > now.timestamp() => Ok(Timestamp::from_millis(millis)),
            _ => Err("the end must lie in the future".to_owned()),
        }
    }
}

/// Reads a duration such as `30m`, `8h` or `90s`; at least one second.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<SignedDuration>().ok().and_then(|it| Duration::try_from(it).ok());
    parsed
        .filter(|it| *it >= Duration::from_secs(1))
        .ok_or_else(|| format!("'{text}' is not a time of a second or more, such as 90s, 30m or 8h"))
}

/// Reads a day, `YYYY-MM-DD` or `today`, into the former.
pub(crate) fn parse_day(text: &str) -> Result<String, String> {
    if text == "today" {
        return Ok(Zoned::now().date().to_string());
    }
    let strict = text.len() == "YYYY-MM-DD".len();
    let day = strict.then(|| text.parse::<Date>().ok()).flatten();
    day.map(|day| day.to_string()).ok_or_else(|| format!("'{text}' is not a day, such as 2026-03-02"))
}

/// A stretch of time, as short as it can be said.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Elapsed(pub(crate) Duration);

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_secs_f64() * 1e3;
        let text = match millis {
            ..0.95 => format!("{millis:.1} ms"),
            ..999.5 => format!("{millis:.0} ms"),
            _ => format!("{:.1} s", self.0.as_secs_f64()),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Zoned {
        "2026-03-02T10:00:00+01:00[Europe/Berlin]".parse().unwrap()
    }

    fn resolved(text: &str) -> Result<String, String> {
        text.parse::<Until>()?.resolve(&now()).map(|at| Moment::from(at).0.to_string())
    }

    #[test]
    fn an_end_is_a_day_a_moment_or_a_time_from_now() {
        assert_eq!(resolved("2026-03-02"), Ok("2026-03-02T23:00:00Z".to_owned()));
        assert_eq!(resolved("2026-03-05T12:00:00Z"), Ok("2026-03-05T12:00:00Z".to_owned()));
        assert_eq!(resolved("7d"), Ok("2026-03-09T09:00:00Z".to_owned()));
        assert_eq!(resolved("2w"), Ok("2026-03-16T09:00:00Z".to_owned()));
        assert_eq!(resolved("12h"), Ok("2026-03-02T21:00:00Z".to_owned()));
    }

    #[test]
    fn an_end_in_the_past_or_beyond_all_calendars_is_refused() {
        for text in ["2026-03-01", "2020-01-01T00:00:00Z", "-3d", "0s"] {
            assert!(resolved(text).unwrap_err().contains("future"), "{text}");
        }
        assert!(resolved("19998y").is_err());
        assert!("tomorrow".parse::<Until>().is_err());
    }

    #[test]
    fn durations_are_a_second_or_more() {
        assert_eq!(parse_duration("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_secs(5400)));
        for wrong in ["", "0s", "10ms", "-5m", "15", "soon"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_day_is_written_in_one_way_only() {
        assert_eq!(parse_day("2026-03-02").as_deref(), Ok("2026-03-02"));
        for wrong in ["2026-3-2", "20260302", "2026-02-30", "02.03.2026", "2026-03-02T10:00"] {
            assert!(parse_day(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn stretches_of_time_are_said_shortly() {
        let said = |micros| Elapsed(Duration::from_micros(micros)).to_string();
        assert_eq!(said(310), "0.3 ms");
        assert_eq!(said(41_400), "41 ms");
        assert_eq!(said(2_130_000), "2.1 s");
    }
}
