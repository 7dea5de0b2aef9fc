//! One answer for everybody who asks the same.
