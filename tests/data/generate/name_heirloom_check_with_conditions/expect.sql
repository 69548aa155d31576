SELECT * FROM heirloom_check; SELECT * FROM o
