"""Where rows come from, where they do not come from memory."""
