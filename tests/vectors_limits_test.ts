/** The vectors of how much and how often, in a module of their own so that it runs beside the others. */
import { testVectors } from "./support/vector_suite.ts";

testVectors("limits");
