"""How other systems spell a model: their code written and read."""
