//! Why a list of layers is refused.

/// Refuses a list with a layer of no channels.
pub(super) fn at_least_one(name: &str, channels: &[usize]) -> std::result::Result<(), String> {
    if channels.contains(&0) {
        return Err(format!("each of `{name}` has to be at least 1"));
    }
    Ok(())
}

/// Refuses a list that has not as many before the middle as after.
pub(super) fn halves(name: &str, middle: &str, list: &[usize]) -> std::result::Result<(), String> {
    if list.len() % 2 == 1 {
        let count = list.len();
        return Err(format!(
            "`{name}` has to have as many before {middle} as after, and has {count}"
        ));
    }
    Ok(())
}
