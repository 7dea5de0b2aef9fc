//! Roots, powers and logarithms to 34 digits.
