"""What central knows of the tills: enrolments, how far their books came, what their shifts took, and their people."""
