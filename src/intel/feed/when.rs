//! Dates as feeds write them → nanoseconds since 1970.

use crate::event::Time;

const SECOND: i64 = 1_000_000_000;

/// A time: `2026-01-02`, `2026-01-02 03:04:05`, RFC 3339 with fraction and offset, a trailing `UTC` or `(UTC)`, or
/// seconds since 1970. Without an offset it is UTC.
pub(super) fn parse(text: &str) -> Option<Time> {
    let text = text.trim().trim_end_matches(['(', ')']).trim();
    let text = text.strip_suffix("UTC").unwrap_or(text).trim_end().trim_end_matches('(').trim_end();
    if (9..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return seconds(text.parse().ok()?);
    }
    let (date, rest) = text.split_at_checked(10)?;
    let days = days(date)?;
    let rest = rest.strip_prefix(['T', 't', ' ']).unwrap_or(rest);
    let (clock, rest) = if rest.is_empty() { ("00:00:00", "") } else { rest.split_at_checked(8)? };
    let mut parts = clock.split(':');
    let mut next = |limit: i64| {
        let part = parts.next()?;
        (part.len() == 2).then_some(())?;
        number(part).filter(|value| *value < limit)
    };
    // A leap second is the last one of its minute.
    let (hour, minute, second) = (next(24)?, next(60)?, next(61)?);
    let offset = offset(skip_fraction(rest))?;
    let clock = hour.checked_mul(3600)?.checked_add(minute.checked_mul(60)?)?.checked_add(second)?;
    seconds(days.checked_mul(86_400)?.checked_add(clock)?.checked_sub(offset)?)
}

/// A date of a banner: what [`parse`] reads, or with the month by name, such as `Tue Jul  7 11:57:22 UTC 2026`,
/// `Fri, 17 Jan 2025 17:03:47 GMT`, `05 March 2025`. Other zones than UTC are taken for it: it is about days.
pub(super) fn banner(text: &str) -> Option<Time> {
    if let Some(time) = parse(text) {
        return Some(time);
    }
    const MONTHS: [&str; 12] =
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let (mut year, mut month, mut day, mut clock) = (None, None, None, None);
    for word in text.split([' ', ',', '\t']).filter(|word| !word.is_empty()).take(8) {
        let named = word.get(..3).map(str::to_ascii_lowercase);
        let named = named.and_then(|name| MONTHS.iter().position(|month| *month == name));
        match number(word) {
            Some(_) if word.len() == 4 => year = year.or(Some(word)),
            Some(_) if word.len() <= 2 => day = day.or(Some(word)),
            Some(_) => {}
            None if word.contains(':') => clock = clock.or(Some(word)),
            None => month = month.or(named),
        }
    }
    let month = month?.checked_add(1)?;
    parse(&format!("{}-{month:02}-{:0>2} {}", year?, day?, clock.unwrap_or("00:00:00")))
}

/// Seconds since 1970.
pub(super) fn seconds(seconds: i64) -> Option<Time> {
    seconds.checked_mul(SECOND).map(Time)
}

/// A duration as Go prints it, such as `3h59m55.756182786s`, in nanoseconds; fractions of seconds are dropped.
pub(super) fn duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let mut total = 0_i64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (count, after) = rest.split_at_checked(end)?;
        let whole = count.split('.').next()?;
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(end)?;
        let nanos = match unit {
            "d" => 86_400 * SECOND,
            "h" => 3600 * SECOND,
            "m" => 60 * SECOND,
            "s" => SECOND,
            "ms" | "us" | "µs" | "ns" => 0,
            _ => return None,
        };
        total = total.checked_add(number(whole)?.checked_mul(nanos)?)?;
        rest = after;
    }
    total.checked_mul(sign)
}

fn number(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Days from 1970-01-01 to the date of the proleptic Gregorian calendar, years from March so that February ends them.
fn days(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let (year, month, day) = (number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?);
    if parts.next().is_some() || !(1970..=9999).contains(&year) {
        return None;
    }
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = match month.checked_sub(3) {
        Some(month) if month >= 0 => (year, month),
        _ => (year.checked_sub(1)?, month.checked_add(9)?),
    };
    let leaps =
        year.checked_div(4)?.checked_sub(year.checked_div(100)?)?.checked_add(year.checked_div(400)?)?;
    let months = month.checked_mul(153)?.checked_add(2)?.checked_div(5)?;
    year.checked_mul(365)?.checked_add(leaps)?.checked_add(months)?.checked_add(day)?.checked_sub(719_469)
}

fn skip_fraction(text: &str) -> &str {
    text.strip_prefix('.').map_or(text, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()))
}

fn offset(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.is_empty() || text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let (hours, minutes) = rest.split_once(':').or_else(|| rest.split_at_checked(2))?;
    let minutes = if minutes.is_empty() { 0 } else { number(minutes)? };
    let hours = number(hours)?;
    (hours < 24 && minutes < 60).then_some(())?;
    hours.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?.checked_mul(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_every_dress() {
        let expected = Some(Time(1_767_323_045 * SECOND));
        for text in [
            "2026-01-02 03:04:05",
            "2026-01-02T03:04:05Z",
            "2026-01-02T03:04:05.123456Z",
            "2026-01-02 03:04:05 UTC",
            "2026-01-02 03:04:05 (UTC)",
            "2026-01-02T04:04:05+01:00",
            "1767323045",
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        assert_eq!(parse("1970-01-01"), Some(Time(0)));
        assert_eq!(parse("2000-03-01"), Some(Time(951_868_800 * SECOND)));
    }

    #[test]
    fn dates_of_banners_name_their_month() {
        for text in [
            "Fri Jan  2 03:04:05 UTC 2026",
            "Fri, 02 Jan 2026 03:04:05 GMT",
            "Fri, 2 Jan 2026 03:04:05 +0200",
        ] {
            assert_eq!(banner(text), Some(Time(1_767_323_045 * SECOND)), "{text}");
        }
        assert_eq!(banner("02 January 2026"), parse("2026-01-02"));
        assert_eq!(banner("daily"), None);
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in
            ["", "None", "n/a", "2026-13-01", "2026-01-02 25:00:00", "02.01.2026", "2026-01-02x03:04:05"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_read_as_go_prints_them() {
        assert_eq!(duration("3h59m55.756182786s"), Some((3 * 3600 + 59 * 60 + 55) * SECOND));
        assert_eq!(duration("-1h0m0s"), Some(-3600 * SECOND));
        assert_eq!(duration("soon"), None);
    }
}
