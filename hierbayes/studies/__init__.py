"""Studies of fits: what priors do, and where estimators differ."""
