//! How many clients each class of a mix gets.

/// What a class asks for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Want {
    Exactly(u32),
    /// Of what those leave, in proportion to the others.
    Share(f64),
}

/// Divides `total` clients, or `otherwise` so many where nobody says and somebody wants a share.
pub(super) fn divide(
    total: Option<u32>,
    otherwise: u32,
    wants: &[Want],
) -> Result<Vec<u32>, String> {
    let exactly = |want: &Want| if let Want::Exactly(clients) = want { *clients } else { 0 };
    let share = |want: &Want| if let Want::Share(share) = want { *share } else { 0.0 };
    let fixed = wants.iter().map(exactly).fold(0, u32::saturating_add);
    let shares: f64 = wants.iter().map(share).sum();
    if shares == 0.0 {
        return match total {
            Some(total) if total != fixed => Err(format!(
                "every class says how many clients it has, {fixed} altogether, so there cannot be {total}; give one a share"
            )),
            _ => Ok(wants.iter().map(exactly).collect()),
        };
    }
    let total = total.unwrap_or(otherwise.max(fixed));
    let Some(rest) = total.checked_sub(fixed) else {
        return Err(format!(
            "the classes that say how many clients they have take {fixed}, and there are only {total}"
        ));
    };
    // Each gets the whole clients of its share; those left over go where the largest fractions are.
    let due = |want: &Want| f64::from(rest) * share(want) / shares;
    let mut clients: Vec<u32> = wants.iter().map(|want| exactly(want) + due(want) as u32).collect();
    let mut by_fraction: Vec<usize> =
        (0..wants.len()).filter(|at| share(&wants[*at]) > 0.0).collect();
    by_fraction.sort_by(|a, b| due(&wants[*b]).fract().total_cmp(&due(&wants[*a]).fract()));
    let left = total.saturating_sub(clients.iter().sum());
    for at in by_fraction.into_iter().cycle().take(left as usize) {
        clients[at] += 1;
    }
    Ok(clients)
}

#[cfg(test)]
mod tests {
    use super::Want::{Exactly, Share};
    use super::*;

    #[test]
    fn every_client_goes_to_one_class() {
        assert_eq!(divide(Some(10), 0, &[Share(3.0), Share(1.0)]), Ok(vec![8, 2]));
        assert_eq!(divide(Some(40), 0, &[Share(3.0), Share(1.0)]), Ok(vec![30, 10]));
        assert_eq!(divide(Some(10), 0, &[Exactly(4), Share(1.0), Share(1.0)]), Ok(vec![4, 3, 3]));
        assert_eq!(divide(None, 7, &[Share(0.2)]), Ok(vec![7]));
        assert_eq!(divide(None, 1000, &[Exactly(4), Exactly(5)]), Ok(vec![4, 5]));
        for total in 0..200 {
            let divided = divide(Some(total), 0, &[Share(0.1), Share(7.0), Share(3.3)]);
            assert_eq!(divided.map(|clients| clients.iter().sum()), Ok(total));
        }
    }

    #[test]
    fn numbers_that_do_not_fit_together_are_refused() {
        let error = divide(Some(3), 0, &[Exactly(4), Share(1.0)]).expect_err("too few");
        assert!(error.contains("take 4, and there are only 3"), "{error}");
        let error = divide(Some(9), 0, &[Exactly(4), Exactly(4)]).expect_err("too many");
        assert!(error.contains("8 altogether, so there cannot be 9"), "{error}");
    }
}
