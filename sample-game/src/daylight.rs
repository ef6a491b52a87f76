//! Day and night: nothing makes them happen, they are calculated from the world's time.
//!
//! The world's time stands still while nobody serves the world, so a night's outage does not cost the island a day.

use daystar::prelude::*;

use crate::messages::Event;
use crate::settings::{HOUR, HOURS_A_DAY, SIGHT, SIGHT_AT_NIGHT, SUNRISE, SUNSET};

/// What the calendar's object is called.
const NAME: &str = "calendar";

/// When the island's first day began. Everyone reads it, and nobody changes it.
#[managed]
pub struct Calendar {
    /// Its midnight. The world is younger than that.
    pub midnight: Timestamp,
}

/// Begins the first day, in a new world in which it is `hour` o'clock.
pub fn begin(ctx: &Ctx, hour: u8) -> Result<()> {
    let gone = HOUR.saturating_mul(u32::from(hour));
    let gone_ms = u64::try_from(gone.as_millis()).unwrap_or(u64::MAX);
    let midnight = Timestamp { unix_ms: ctx.now().unix_ms.saturating_sub(gone_ms) };
    ctx.bind(NAME, ctx.insert(Calendar { midnight })?)
}

/// How many whole hours have passed since the first midnight.
pub fn hours_passed(ctx: &Ctx) -> Result<u64> {
    let midnight = ctx.get(ctx.lookup::<Calendar>(NAME)?)?.midnight;
    Ok(hours_between(midnight, ctx.now()))
}

/// The hour of the island's day: 0 to 23.
pub fn hour(ctx: &Ctx) -> Result<u8> {
    Ok(hour_of_day(hours_passed(ctx)?))
}

/// Whether the sun is down.
pub fn is_night(ctx: &Ctx) -> Result<bool> {
    Ok(is_dark_at(hour(ctx)?))
}

/// How far one sees now, in tiles.
pub fn sight(ctx: &Ctx) -> Result<u16> {
    Ok(if is_night(ctx)? { SIGHT_AT_NIGHT } else { SIGHT })
}

/// Tells a player what time it is.
pub fn tell(ctx: &Ctx) -> Result<()> {
    let hour = hour(ctx)?;
    ctx.reply(Event::Hour { hour, is_night: is_dark_at(hour) });
    Ok(())
}

/// Whether the sun is down at that hour of the day.
pub fn is_dark_at(hour: u8) -> bool {
    !(SUNRISE..SUNSET).contains(&u64::from(hour))
}

fn hours_between(midnight: Timestamp, now: Timestamp) -> u64 {
    let hours = now.since(midnight).as_millis() / HOUR.as_millis();
    u64::try_from(hours).unwrap_or(u64::MAX)
}

fn hour_of_day(hours_passed: u64) -> u8 {
    u8::try_from(hours_passed % HOURS_A_DAY).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_go_round_and_nights_are_between_sunset_and_sunrise() {
        let midnight = Timestamp { unix_ms: 5_000_000 };
        let at = |hours: u32| {
            let hour = hour_of_day(hours_between(midnight, midnight.after(HOUR * hours)));
            (hour, is_dark_at(hour))
        };
        assert_eq!([0, 5, 6, 19].map(at), [(0, true), (5, true), (6, false), (19, false)]);
        assert_eq!([20, 23, 24, 36].map(at), [(20, true), (23, true), (0, true), (12, false)]);
    }
}
