//! [`Counter`]: a number that any number of tasks add to without being in each other's way.

use daystar_macros::managed;
use daystar_model::Ref;

use crate::ensure;
use crate::game::ctx::Ctx;
use crate::game::rules::Result;

/// A number that any number of tasks may add to at the same moment: what is in a guild's chest, how often a stone was
/// touched, how many seats are left.
///
/// With a plain field, two tasks that both write `+= 1` meet, and one of them is run again. [`Ctx::add`] does not
/// look at the number, so there is nothing to meet over. Only a task that looks at it, with [`Ctx::get`], has to be
/// run again when another adds meanwhile.
///
/// ```
/// use daystar::prelude::*;
///
/// #[managed]
/// pub struct Guild { pub chest: Ref<Counter> }
///
/// fn found(ctx: &Ctx) -> Result<Ref<Guild>> {
///     let chest = ctx.insert(Counter::new(100).at_least(0))?;
///     ctx.insert(Guild { chest })
/// }
///
/// fn pay_dues(ctx: &Ctx, guild: Ref<Guild>) -> Result<()> {
///     ctx.add(ctx.get(guild)?.chest, 5)
/// }
///
/// fn buy_banner(ctx: &Ctx, guild: Ref<Guild>) -> Result<()> {
///     // If there are fewer than 30, this task is refused and nothing of it happens.
///     ctx.add(ctx.get(guild)?.chest, -30)
/// }
///
/// fn gold(ctx: &Ctx, guild: Ref<Guild>) -> Result<i64> {
///     Ok(ctx.get(ctx.get(guild)?.chest)?.value())
/// }
/// ```
#[managed(name = "daystar.Counter")]
#[derive(Debug, PartialEq, Eq)]
pub struct Counter {
    value: i64,
    min: Option<i64>,
    max: Option<i64>,
}

impl Counter {
    /// A counter that stands at `value`, without bounds.
    pub fn new(value: i64) -> Self {
        Self { value, min: None, max: None }
    }

    /// Nothing may be taken from it that would leave it below `min`.
    ///
    /// ```
    /// # use daystar::prelude::*;
    /// let mut seats = Counter::new(1).at_least(0);
    /// seats.add(-1).unwrap();
    /// let refused = seats.add(-1).unwrap_err();
    /// assert_eq!(refused.to_string(), "cannot add -1: the counter stands at 0 and must not go below 0");
    /// ```
    #[must_use]
    pub fn at_least(self, min: i64) -> Self {
        Self { min: Some(min), ..self }
    }

    /// Nothing may be added to it that would leave it above `max`.
    ///
    /// ```
    /// # use daystar::prelude::*;
    /// let mut wood = Counter::new(8).at_most(10);
    /// let refused = wood.add(5).unwrap_err();
    /// assert_eq!(refused.to_string(), "cannot add 5: the counter stands at 8 and must not go above 10");
    /// assert_eq!(wood.value(), 8);
    /// ```
    #[must_use]
    pub fn at_most(self, max: i64) -> Self {
        Self { max: Some(max), ..self }
    }

    /// Where it stands.
    pub fn value(&self) -> i64 {
        self.value
    }

    /// Adds `amount`, which may be negative. In a task, [`Ctx::add`] does the same without looking.
    ///
    /// # Errors
    /// A refusal that names the bound beyond which the sum would be; without a bound of its own, a counter has those
    /// of an `i64`. The counter is as it was.
    pub fn add(&mut self, amount: i64) -> Result<()> {
        let (value, sum) = (self.value, i128::from(self.value) + i128::from(amount));
        // Only the bound that it moves towards: a counter that was made beyond its bounds can be brought back.
        let (min, max) = (self.min.unwrap_or(i64::MIN), self.max.unwrap_or(i64::MAX));
        ensure!(
            amount >= 0 || sum >= i128::from(min),
            "cannot add {amount}: the counter stands at {value} and must not go below {min}"
        );
        ensure!(
            amount <= 0 || sum <= i128::from(max),
            "cannot add {amount}: the counter stands at {value} and must not go above {max}"
        );
        self.value = value.saturating_add(amount);
        Ok(())
    }

    /// Makes it stand at `value`: `ctx.get_mut(counter)?.set(0)?`.
    ///
    /// # Errors
    /// A refusal that names the bound beyond which `value` is. The counter is as it was.
    pub fn set(&mut self, value: i64) -> Result<()> {
        let (min, max) = (self.min.unwrap_or(i64::MIN), self.max.unwrap_or(i64::MAX));
        ensure!(value >= min, "cannot set the counter to {value}: it must not go below {min}");
        ensure!(value <= max, "cannot set the counter to {value}: it must not go above {max}");
        self.value = value;
        Ok(())
    }
}

impl Ctx<'_, '_> {
    /// Adds `amount`, which may be negative, to a counter without looking at it: tasks that add to the same counter
    /// are not in each other's way. A task that looks at the counter, before or after, sees what it has added itself.
    ///
    /// # Errors
    /// The counter was removed, or the object is none; or a refusal that names the bound beyond which the counter
    /// would be. Since the counter is not looked at, this may be known only when the task is at its end: it then fails
    /// as if this call had.
    pub fn add(&self, counter: Ref<Counter>, amount: i64) -> Result<()> {
        self.update(counter, move |counter| counter.add(amount))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(result: Result<()>) -> String {
        result.expect_err("a refusal").to_string()
    }

    #[test]
    fn both_bounds_can_be_reached_and_not_passed() {
        let mut counter = Counter::new(5).at_least(-2).at_most(9);
        counter.add(4).expect("9 is within");
        assert!(told(counter.add(1)).ends_with("stands at 9 and must not go above 9"));
        counter.add(-11).expect("-2 is within");
        assert!(told(counter.add(-1)).ends_with("stands at -2 and must not go below -2"));
        assert_eq!(counter.value(), -2);
    }

    #[test]
    fn overflow_is_refused_and_not_wrapped() {
        let mut counter = Counter::new(i64::MAX);
        assert!(told(counter.add(1)).ends_with(&format!("must not go above {}", i64::MAX)));
        assert_eq!(counter.value(), i64::MAX);
        counter.add(i64::MIN).expect("-1 is within");
        counter.add(i64::MIN + 1).expect("the least is within");
        assert!(told(counter.add(-1)).ends_with(&format!("must not go below {}", i64::MIN)));
        assert_eq!(counter.value(), i64::MIN);
    }

    #[test]
    fn what_was_made_beyond_its_bounds_can_be_brought_back() {
        let mut counter = Counter::new(-10).at_least(0);
        assert!(told(counter.add(-1)).contains("below 0"));
        counter.add(3).expect("towards its bound");
        assert_eq!(counter.value(), -7);
    }

    #[test]
    fn setting_keeps_to_the_bounds() {
        let mut counter = Counter::new(0).at_least(0).at_most(3);
        assert_eq!(told(counter.set(4)), "cannot set the counter to 4: it must not go above 3");
        assert_eq!(told(counter.set(-1)), "cannot set the counter to -1: it must not go below 0");
        counter.set(3).expect("3 is within");
        assert_eq!(counter, Counter::new(3).at_least(0).at_most(3));
    }
}
