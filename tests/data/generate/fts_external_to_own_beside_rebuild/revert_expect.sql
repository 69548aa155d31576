SELECT rowid FROM ft WHERE ft MATCH 'world'
