"""Where pictures and the knowledge about paid jobs live between builds."""
