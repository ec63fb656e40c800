/** The vectors of everything that has no section of its own, in a module of their own so that it runs beside the others. */
import { testVectors } from "./support/vector_suite.ts";

testVectors("rest");
